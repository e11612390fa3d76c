import { coversAll, post } from '../player/cluster-api.ts'
import { moveKubeProxy, nameVersion } from '../player/control-plane-controller.ts'
import { captured } from '../player/requests.ts'
import { settled } from '../player/settle.ts'
import { onStage, pathOf, type Stage, subjectOf, updateRequest } from '../player/stage.ts'
import { untilUpdated } from '../player/update.ts'
import { kubectlJson } from '../witness/exec.ts'
import { snapshot } from '../witness/snapshot.ts'
import { problems } from '../witness/verify.ts'
import { whileBusy } from './busy.ts'
import { every } from './every.ts'
import type { Measure, Measurement } from './orchestrate.ts'

/** A cluster with one control plane machine, upgraded by a player in Cluster API's place: KCP updates none in place. */
export const singleMember: Measure = ({ busy }) =>
  onStage({ fresh: true }, (stage) => whileBusy(busy, () => measured(stage)))

async function measured(stage: Stage): Promise<Measurement> {
  const { lab, service } = stage
  const before = await snapshot(lab.controlPlane, lab.controlPlane)
  const can = captured('can-update-machine.version', subjectOf(stage, 'control-plane'))
  const answer = await post(service, pathOf(stage, 'CanUpdateMachine'), can)
  if (!coversAll(can, answer)) throw new Error('CanUpdateMachine: not all changes are covered')
  await nameVersion(lab.controlPlane, lab.to)
  const start = performance.now()
  const elapsed = () => (performance.now() - start) / 1000
  const ended = new AbortController()
  const looking = firstReady(lab.controlPlane, lab.to, elapsed, ended.signal)
  const spans: { machine: string; step: string; begin: number; end: number }[] = []
  const { seconds: end, timeline } = await untilUpdated(
    service,
    pathOf(stage, 'UpdateMachine'),
    updateRequest(stage, 'control-plane'),
    { tell: ({ at, message }) => console.log(`  ${at.toFixed(1).padStart(6)} s  ${message}`) },
  ).finally(() => ended.abort())
  for (const { at, message } of timeline) {
    const step = /step \d+ of \d+, ([^:]+)/.exec(message)?.[1]
    const last = spans.at(-1)
    if (step === undefined || last?.step === step) continue
    if (last) last.end = at
    spans.push({ machine: lab.controlPlane, step, begin: at, end })
  }
  await moveKubeProxy(lab.controlPlane, lab.to)
  const after = await settled(stage, 'control-plane', { kubeProxy: false })
  const found = problems(before, after, 'control-plane', lab.to, false)
  if (found.length > 0) throw new Error(found.join('; '))
  const ready = await looking
  const time = { machine: lab.controlPlane, role: 'control-plane' as const, begin: 0, end }
  return { machines: [{ ...time, ready: ready ?? end }], spans }
}

interface Node {
  status: { nodeInfo: { kubeletVersion: string }; conditions: { type: string; status: string }[] }
}

// When the Node is first Ready at the version, looked at twice a second; an API that is away is no answer.
function firstReady(machine: string, version: string, elapsed: () => number, signal: AbortSignal) {
  return every(0.5, signal, async () => {
    const { status } = await kubectlJson<Node>(machine, 'get', 'node', machine, '--request-timeout=2s')
    const ready = status.conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
    return ready && status.nodeInfo.kubeletVersion === version ? elapsed() : undefined
  })
}
