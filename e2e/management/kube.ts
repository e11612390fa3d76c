import { rmSync } from 'node:fs'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import type { Management } from '../../scripts/lab/verbs/management.ts'
import type { ClusterShape } from './workload.ts'

/** An object of the API, with the fields that the scenarios read. */
export interface ApiObject {
  apiVersion: string
  kind: string
  metadata: {
    name: string
    namespace?: string
    uid?: string
    generation?: number
    labels?: Record<string, string>
    annotations?: Record<string, string>
    deletionTimestamp?: string
    ownerReferences?: { kind: string; name: string }[]
  }
  spec?: unknown
  status?: unknown
  data?: Record<string, string>
}

/** A condition of an object's status. */
export interface Condition {
  type: string
  status: string
  reason?: string
  message?: string
  observedGeneration?: number
}

/** kubectl on the host, with a kubeconfig. Every method throws what kubectl prints when it fails. */
export interface Kube {
  kubeconfig: string
  /** Runs any command and returns its standard output. */
  run(args: string[], input?: string): Promise<string>
  get<T>(...args: string[]): Promise<T>
  /** Returns undefined when there is no such object. */
  find<T>(...args: string[]): Promise<T | undefined>
  list<T>(...args: string[]): Promise<T[]>
  apply(objects: object[]): Promise<void>
  /** Changes some fields with a JSON merge patch. */
  patch(kind: string, name: string, namespace: string, change: object): Promise<void>
}

/** Returns kubectl with a kubeconfig. */
export function kubeWith({ kubectl }: Pick<Management, 'kubectl'>, kubeconfig: string): Kube {
  const run = async (args: string[], input?: string) => {
    const options = { timeout: 120_000, ...(input === undefined ? { stdin: 'ignore' as const } : { input }) }
    return (await execa(kubectl, [`--kubeconfig=${kubeconfig}`, ...args], options)).stdout
  }
  const get = async <T>(...args: string[]) => JSON.parse(await run(['get', ...args, '-o=json'])) as T
  return {
    kubeconfig,
    run,
    get,
    async find<T>(...args: string[]) {
      const found = await run(['get', ...args, '--ignore-not-found', '-o=json'])
      return found === '' ? undefined : (JSON.parse(found) as T)
    },
    list: async <T>(...args: string[]) => (await get<{ items: T[] }>(...args)).items,
    async apply(objects) {
      const items = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects })
      await run(['apply', '--server-side', '--force-conflicts', '-f', '-'], items)
    },
    async patch(kind, name, namespace, change) {
      const where = namespace === '' ? [] : [`-n=${namespace}`]
      await run(['patch', kind, name, ...where, '--type=merge', `--patch=${JSON.stringify(change)}`])
    },
  }
}

/**
 * Returns kubectl for a workload cluster, with the admin kubeconfig that Cluster API keeps in a Secret. Its server is the load
 * balancer, which the host can reach.
 */
export async function workloadOf(management: Management, kube: Kube, { namespace, name }: ClusterShape): Promise<Kube> {
  const secret = await kube.get<{ data: { value: string } }>('secret', `${name}-kubeconfig`, `-n=${namespace}`)
  const folder = await mkdtemp(join(tmpdir(), 'capd-kubeadm-upgrader-'))
  const file = join(folder, 'kubeconfig')
  await writeFile(file, Buffer.from(secret.data.value, 'base64'), { mode: 0o600 })
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  return kubeWith(management, file)
}
