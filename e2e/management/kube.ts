import { rmSync } from 'node:fs'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import type { Management } from '../../scripts/lab/verbs/management.ts'
import type { Shape } from './workload.ts'

// An object of the API, as far as the scenarios read it.
export interface KubeObject {
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

export interface Condition {
  type: string
  status: string
  reason?: string
  message?: string
  observedGeneration?: number
}

// kubectl with a kubeconfig, as a person would use it on the host.
export interface Kube {
  kubeconfig: string
  run(args: string[], input?: string): Promise<string>
  get<T>(...args: string[]): Promise<T>
  // Undefined where there is no such object.
  find<T>(...args: string[]): Promise<T | undefined>
  list<T>(...args: string[]): Promise<T[]>
  apply(objects: object[]): Promise<void>
  // A change of some fields, as a JSON merge patch.
  patch(kind: string, name: string, namespace: string, change: object): Promise<void>
}

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

// An administrator's kubectl for a workload cluster, from the kubeconfig that Cluster API keeps; its server is the load
// balancer's own address, which the host reaches.
export async function workloadOf(management: Management, kube: Kube, { namespace, name }: Shape): Promise<Kube> {
  const secret = await kube.get<{ data: { value: string } }>('secret', `${name}-kubeconfig`, `-n=${namespace}`)
  const folder = await mkdtemp(join(tmpdir(), 'capd-kubeadm-upgrader-'))
  const file = join(folder, 'kubeconfig')
  await writeFile(file, Buffer.from(secret.data.value, 'base64'), { mode: 0o600 })
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  return kubeWith(management, file)
}
