import type { Machine } from './machine.ts'

export interface Facts {
  kubelet: {
    // 0 when it does not run; the other values are then empty.
    pid: number
    restarts: number
    // The version of the running process, such as v1.35.4.
    version: string
    // Start of the process, in seconds since 1970.
    since: number
    healthy: boolean
  }
  // Static pod name to the image that its manifest names.
  manifests: Record<string, string>
  // Id to image of each container that runs now, sandboxes included.
  containers: Record<string, string>
  // Name of each image that is there to its digest.
  digests: Record<string, string>
}

// What runs on the machine at this moment.
export async function readFacts(machine: Machine): Promise<Facts> {
  const lines = await machine.script(new URL('facts.sh', import.meta.url))
  const pairs = [...lines.matchAll(/^([^=]+)=(.*)$/gm)].map(([, key = '', value = '']) => [key, value] as const)
  const value = (name: string) => pairs.find(([key]) => key === name)?.[1] ?? ''
  const group = (prefix: string) =>
    Object.fromEntries(
      pairs.filter(([key]) => key.startsWith(prefix)).map(([key, image]) => [key.slice(prefix.length), image]),
    )
  return {
    kubelet: {
      pid: Number(value('kubelet.pid')),
      restarts: Number(value('kubelet.restarts')),
      version: value('kubelet.version'),
      since: Number(value('kubelet.since')),
      healthy: value('kubelet.healthz') === 'ok',
    },
    manifests: group('manifest.'),
    containers: group('container.'),
    digests: group('digest.'),
  }
}
