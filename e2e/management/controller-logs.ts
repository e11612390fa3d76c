import type { Kube } from './kube.ts'

interface Pod {
  metadata: { name: string; namespace: string }
}

// What Cluster API's core and control plane controllers logged since a moment (RFC 3339), all their pods together.
export async function controllersSaid(kube: Kube, since: string): Promise<string[]> {
  const lines: string[] = []
  for (const namespace of ['capi-system', 'capi-kubeadm-control-plane-system']) {
    for (const { metadata } of await kube.list<Pod>('pods', `-n=${namespace}`)) {
      const log = await kube.run(['logs', metadata.name, `-n=${namespace}`, `--since-time=${since}`])
      lines.push(...log.split('\n'))
    }
  }
  return lines
}

// The decisions against an update in place that they logged with their reasons, for objects of a namespace.
export async function declinedSince(kube: Kube, namespace: string, since: string): Promise<string[]> {
  const lines = await controllersSaid(kube, since)
  return lines.filter((line) => /cannot be updated in-place/.test(line) && line.includes(`${namespace}/`))
}
