import { coversAll, post } from '../player/cluster-api.ts'
import { moveKubeProxy, nameVersion } from '../player/control-plane-controller.ts'
import { capturedRequest } from '../player/requests.ts'
import { onStage, pathOf, replacementsFor, type Stage, updateRequest } from '../player/stage.ts'
import { untilUpdated } from '../player/update.ts'
import { kubectlJson } from '../witness/exec.ts'
import { settledSnapshot } from '../witness/settled.ts'
import { snapshot } from '../witness/snapshot.ts'
import { problems } from '../witness/verify.ts'
import { whileBusy } from './busy.ts'
import { every } from './every.ts'
import type { Measure, Measurement } from './orchestrate.ts'

/**
 * Measures the upgrade of a cluster with one control plane machine, by the player: the KubeadmControlPlane controller updates no
 * single machine in place.
 */
export const singleMember: Measure = ({ busy }) =>
  onStage({ fresh: true }, (stage) => whileBusy(busy, () => measured(stage)))

async function measured(stage: Stage): Promise<Measurement> {
  const { lab, service } = stage
  const before = await snapshot(lab.controlPlane, lab.controlPlane)
  const can = capturedRequest('can-update-machine.version', replacementsFor(stage, 'control-plane'))
  const response = await post(service, pathOf(stage, 'CanUpdateMachine'), can)
  if (!coversAll(can, response)) throw new Error('CanUpdateMachine: not all changes are covered')
  await nameVersion(lab.controlPlane, lab.to)
  const start = performance.now()
  const elapsed = () => (performance.now() - start) / 1000
  const ended = new AbortController()
  const readiness = firstReady(lab.controlPlane, lab.to, elapsed, ended.signal)
  const spans: { machine: string; step: string; begin: number; end: number }[] = []
  const { seconds: end, messages } = await untilUpdated(
    service,
    pathOf(stage, 'UpdateMachine'),
    updateRequest(stage, 'control-plane'),
    { onMessage: ({ at, message }) => console.log(`  ${at.toFixed(1).padStart(6)} s  ${message}`) },
  ).finally(() => ended.abort())
  for (const { at, message } of messages) {
    const step = /step \d+ of \d+, ([^:]+)/.exec(message)?.[1]
    const last = spans.at(-1)
    if (step === undefined || last?.step === step) continue
    if (last) last.end = at
    spans.push({ machine: lab.controlPlane, step, begin: at, end })
  }
  await moveKubeProxy(lab.controlPlane, lab.to)
  const expected = { role: 'control-plane', version: lab.to, kubeProxy: false } as const
  const after = await settledSnapshot(lab.controlPlane, lab.controlPlane, expected)
  const found = problems(before, after, expected)
  if (found.length > 0) throw new Error(found.join('; '))
  const ready = await readiness
  const time = { machine: lab.controlPlane, role: 'control-plane' as const, begin: 0, end }
  return { machines: [{ ...time, ready: ready ?? end }], spans }
}

interface Node {
  status: { nodeInfo: { kubeletVersion: string }; conditions: { type: string; status: string }[] }
}

// Returns when the Node is first Ready at the version. Reads it twice a second; an API server that is away is ignored.
function firstReady(machine: string, version: string, elapsed: () => number, signal: AbortSignal) {
  return every(0.5, signal, async () => {
    const { status } = await kubectlJson<Node>(machine, 'get', 'node', machine, '--request-timeout=2s')
    const ready = status.conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
    return ready && status.nodeInfo.kubeletVersion === version ? elapsed() : undefined
  })
}
