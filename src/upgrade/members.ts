import type { ErrorCode } from '../errors/catalogue.ts'
import { coded } from '../errors/upgrade-error.ts'
import type { Engine } from '../machine/engine.ts'
import { certificateHashes, clusterLabel, roleLabel } from '../machine/locate.ts'
import { type MachineIdentity, machineOn } from '../machine/machine.ts'
import type { ApiAnswer } from '../machine/observation.ts'
import { observe } from '../machine/observe.ts'
import { isReady } from './api-answer.ts'
import type { Clock } from './clock.ts'

/** A control plane machine of the cluster, as observed for the upgrade of another machine. */
export interface Member {
  name: string
  /** Why it could not be observed; undefined when it could. */
  trouble: string | undefined
  /** The response of its API server to /version. */
  version: ApiAnswer | undefined
  /** True when its API server is ready. */
  ready: boolean
  /** Whether its etcd member is healthy; undefined where it has no etcd, because etcd is external. */
  etcdHealthy: boolean | undefined
}

/** Control plane machines, sorted by name. */
export type Members = readonly Member[]

/** Observes the control plane machines of a cluster. Concurrent callers share an observation. */
export interface MemberObserver {
  /**
   * Returns the control plane machines with this cluster's CA, without the machine itself, from observations that are
   * at most `withinSeconds` old. `cas` are the hashes of the cluster's CAs. Throws the errors of the engine.
   */
  observe(machine: MachineIdentity, cas: readonly string[], withinSeconds: number): Promise<Members>
}

interface ObservedMember {
  member: Member
  /** The hashes of the CAs in the machine; empty where they are not known. */
  cas: readonly string[]
}

/** Returns the value of a key if it is at most `withinSeconds` old, or computes it with `find`. */
type Shared<T> = (key: string, withinSeconds: number, find: () => Promise<T>) => Promise<T>

// With these errors no exec is possible, but files of the container can be read.
const withoutExec: ReadonlySet<string> = new Set(['CONTAINER_STOPPED', 'CONTAINER_PAUSED'] satisfies ErrorCode[])

// Cached values are removed after this time, which is longer than any `withinSeconds`.
const forgetMs = 60_000

/** Creates an observer of control plane machines with a cache. */
export function memberObserver(engine: Engine, clock: Clock): MemberObserver {
  const sharedNames = shared<string[]>(clock)
  const sharedLook = shared<ObservedMember>(clock)

  return {
    async observe({ name, cluster }, cas, withinSeconds) {
      const labels = { [clusterLabel]: cluster, [roleLabel]: 'control-plane' }
      const names = await sharedNames(cluster, withinSeconds, () => engine.list(labels))
      const others = names.filter((other) => other !== name)
      const looks = others.map((other) => {
        const identity = { name: other, cluster, role: 'control-plane' } as const
        return sharedLook(other, withinSeconds, () => observeMember(engine, identity))
      })
      // A lost management cluster leaves containers behind, whose labels name a cluster that may exist again.
      const isOfCluster = ({ cas: found }: ObservedMember) =>
        found.length === 0 || found.some((hash) => cas.includes(hash))
      return (await Promise.all(looks)).filter(isOfCluster).map(({ member }) => member)
    },
  }
}

function shared<T>(clock: Clock): Shared<T> {
  const cache = new Map<string, { at: number; found: Promise<T>; isPending: boolean }>()
  return async function get(key, withinSeconds, find) {
    const now = clock.monotonic()
    for (const [old, { at, isPending }] of cache) if (!isPending && now - at > forgetMs) cache.delete(old)
    const known = cache.get(key)
    if (known && now - known.at <= withinSeconds * 1000) return known.found
    if (known?.isPending) {
      // The pending value may be too old. It is awaited all the same, so that a machine that hangs is observed once at
      // a time.
      await known.found.catch(() => {})
      return get(key, withinSeconds, find)
    }
    const entry = { at: now, found: find(), isPending: true }
    cache.set(key, entry)
    entry.found.then(
      () => Object.assign(entry, { isPending: false }),
      () => cache.delete(key),
    )
    return entry.found
  }
}

async function observeMember(engine: Engine, identity: MachineIdentity): Promise<ObservedMember> {
  const { name } = identity
  try {
    const scope = { sections: ['etcd'], api: ['/version', '/readyz'] } as const
    const { ca, api, etcdHealthy } = await observe(machineOn(engine, identity), scope)
    const ready = isReady(api.get('/readyz'))
    const member = { name, trouble: undefined, version: api.get('/version'), ready, etcdHealthy }
    return { member, cas: certificateHashes(ca) }
  } catch (thrown) {
    const error = coded(thrown)
    const member = { name, trouble: error.message, version: undefined, ready: false, etcdHealthy: undefined }
    return { member, cas: withoutExec.has(error.code) ? await casInFile(engine, name) : [] }
  }
}

// The hashes of the CAs, from the file in the container.
async function casInFile(engine: Engine, name: string): Promise<string[]> {
  const bundle = await engine.file(name, '/etc/kubernetes/pki/ca.crt').catch(() => undefined)
  return certificateHashes(bundle ?? '')
}
