import { system } from './extension.ts'
import type { Kube } from './kube.ts'

interface Pod {
  metadata: { name: string; namespace: string }
}

/** Returns what the pods of Cluster API's core and control plane controllers have logged since a time (RFC 3339). */
export function controllerLogs(kube: Kube, since: string): Promise<string[]> {
  return logsOf(kube, ['capi-system', 'capi-kubeadm-control-plane-system'], since)
}

/** Returns what the pods of the extension have logged since a time (RFC 3339). */
export function extensionLogs(kube: Kube, since: string): Promise<string[]> {
  return logsOf(kube, [system], since)
}

async function logsOf(kube: Kube, namespaces: readonly string[], since: string): Promise<string[]> {
  const lines: string[] = []
  for (const namespace of namespaces) {
    for (const { metadata } of await kube.list<Pod>('pods', `-n=${namespace}`)) {
      const log = await kube.run(['logs', metadata.name, `-n=${namespace}`, `--since-time=${since}`])
      lines.push(...log.split('\n'))
    }
  }
  return lines
}

/** Returns the log lines in which the controllers decide against an in-place update of objects of a namespace. */
export async function declinesSince(kube: Kube, namespace: string, since: string): Promise<string[]> {
  const lines = await controllerLogs(kube, since)
  return lines.filter((line) => /cannot be updated in-place/.test(line) && line.includes(`${namespace}/`))
}
