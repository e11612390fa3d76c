import { type Site, system } from './site.ts'

interface Pod {
  metadata: { name: string }
}

// How many calls of hooks the extension has answered, by hook, as the metrics of all its pods say. A pod that was
// restarted begins again.
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

// What was added between two such counts, in all and per machine; discovery is not about machines.
export function describeCalls(before: Map<string, number>, after: Map<string, number>, machines: number): string {
  const added = [...after].map(([hook, count]) => [hook, count - (before.get(hook) ?? 0)] as const)
  const some = added.filter(([hook, count]) => hook !== 'Discovery' && count > 0)
  if (some.length === 0) return 'none'
  const perMachine = some.reduce((sum, [, count]) => sum + count, 0) / machines
  return `${some.map(([hook, count]) => `${hook} ${count}`).join(', ')}; ${perMachine.toFixed(1)} per machine`
}
