import { system } from './extension.ts'
import type { Site } from './site.ts'

interface Pod {
  metadata: { name: string }
}

/** Returns how many calls of each hook the extension has answered: the sum of the metrics of its running pods. */
export async function hookCalls({ kube }: Site): Promise<Map<string, number>> {
  const calls = new Map<string, number>()
  for (const { metadata } of await kube.list<Pod>('pods', `-n=${system}`, '--field-selector=status.phase=Running')) {
    const path = `/api/v1/namespaces/${system}/pods/https:${metadata.name}:9443/proxy/metrics`
    const text = await kube.run(['get', `--raw=${path}`])
    for (const [, hook = '', count] of text.matchAll(
      /^capd_kubeadm_upgrader_hook_calls_total\{.*hook="(\w+)".*\} (\d+)$/gm,
    )) {
      calls.set(hook, (calls.get(hook) ?? 0) + Number(count))
    }
  }
  return calls
}

/** Describes the calls between two results of `hookCalls`, in total and per machine. Discovery is not about machines. */
export function describeCalls(before: Map<string, number>, after: Map<string, number>, machines: number): string {
  const added = [...after].map(([hook, count]) => [hook, count - (before.get(hook) ?? 0)] as const)
  const some = added.filter(([hook, count]) => hook !== 'Discovery' && count > 0)
  if (some.length === 0) return 'none'
  const perMachine = some.reduce((sum, [, count]) => sum + count, 0) / machines
  return `${some.map(([hook, count]) => `${hook} ${count}`).join(', ')}; ${perMachine.toFixed(1)} per machine`
}
