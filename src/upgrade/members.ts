import type { ErrorCode } from '../errors/catalogue.ts'
import { coded } from '../errors/upgrade-error.ts'
import type { Engine } from '../machine/engine.ts'
import { certificateHashes, clusterLabel, roleLabel } from '../machine/locate.ts'
import { type MachineIdentity, machineOn } from '../machine/machine.ts'
import type { ApiAnswer } from '../machine/observation.ts'
import { observe } from '../machine/observe.ts'
import { isReady } from './api-answer.ts'
import type { Clock } from './clock.ts'

/** A control plane machine of the cluster, as far as the upgrade of another machine needs to know it. */
export interface Member {
  name: string
  /** Why it could not be observed, for people; undefined when it could. */
  trouble: string | undefined
  version: ApiAnswer | undefined
  ready: boolean
  /** Undefined where it has no etcd, which then is elsewhere. */
  etcdHealthy: boolean | undefined
}

export type Members = readonly Member[]

/** Observes the control plane machines of a cluster, once for all who want to know it at about the same time. */
export interface MemberObserver {
  /**
   * All control plane machines with this cluster's CA except the machine itself, in the order of their names, observed
   * so many seconds ago at most. `cas` are the
   * hashes of the cluster's CAs. Throws what the engine throws.
   */
  observe(machine: MachineIdentity, cas: readonly string[], withinSeconds: number): Promise<Members>
}

interface Observed {
  member: Member
  /** Empty where they are not known. */
  cas: readonly string[]
}

/** Gives what was found for a key so many seconds ago at most, or finds it now. */
type Shared<T> = (key: string, withinSeconds: number, find: () => Promise<T>) => Promise<T>

// Where a container's files can be read, and nothing can be run in it.
const resting: ReadonlySet<string> = new Set(['CONTAINER_STOPPED', 'CONTAINER_PAUSED'] satisfies ErrorCode[])

// Looks that are older than anyone would accept.
const forgetMs = 60_000

/** Looks are shared by all who want to know the same machine, and never include the machine that is upgraded. */
export function memberObserver(engine: Engine, clock: Clock): MemberObserver {
  const sharedNames = shared<string[]>(clock)
  const sharedLook = shared<Observed>(clock)

  return {
    async observe({ name, cluster }, cas, withinSeconds) {
      const labels = { [clusterLabel]: cluster, [roleLabel]: 'control-plane' }
      const names = await sharedNames(cluster, withinSeconds, () => engine.list(labels))
      const others = names.filter((other) => other !== name)
      const looks = others.map((other) => {
        const identity = { name: other, cluster, role: 'control-plane' } as const
        return sharedLook(other, withinSeconds, () => lookAtOne(engine, identity))
      })
      // A lost management cluster leaves containers with the labels of a cluster that has the same name today.
      const isOurs = (one: Observed) => one.cas.length === 0 || one.cas.some((hash) => cas.includes(hash))
      return (await Promise.all(looks)).filter(isOurs).map(({ member }) => member)
    },
  }
}

function shared<T>(clock: Clock): Shared<T> {
  const cache = new Map<string, { at: number; found: Promise<T>; isPending: boolean }>()
  return async function give(key, withinSeconds, find) {
    const now = clock.monotonic()
    for (const [old, { at, isPending }] of cache) if (!isPending && now - at > forgetMs) cache.delete(old)
    const known = cache.get(key)
    if (known && now - known.at <= withinSeconds * 1000) return known.found
    if (known?.isPending) {
      // It may come to an end that is too old. A machine that hangs is looked at once at a time all the same.
      await known.found.catch(() => {})
      return give(key, withinSeconds, find)
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

async function lookAtOne(engine: Engine, identity: MachineIdentity): Promise<Observed> {
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
    return { member, cas: resting.has(error.code) ? await casAtRest(engine, name) : [] }
  }
}

// Whose a container is that runs nothing.
async function casAtRest(engine: Engine, name: string): Promise<string[]> {
  const bundle = await engine.file(name, '/etc/kubernetes/pki/ca.crt').catch(() => undefined)
  return certificateHashes(bundle ?? '')
}
