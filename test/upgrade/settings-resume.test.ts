import { expect, test } from 'vitest'
import { type Lab, putAtTarget, startQuickLab } from '../fake-docker/lab.ts'
import { target } from '../fake-docker/release.ts'
import { mortal } from './mortal.ts'
import { begin, unitsOf, walk } from './walk.ts'

const flag = '--max-requests-inflight=401'
const image = `registry.k8s.io/kube-apiserver:${target}`
const wanted = {
  spec: { clusterConfiguration: { apiServer: { extraArgs: [{ name: 'max-requests-inflight', value: '401' }] } } },
}

// Machines at the target, whose kubeadm-config has another argument by now; and containers that are none of its business.
function start(isBroken: boolean): { lab: Lab; others: string } {
  const lab = startQuickLab('cp-1', 'cp-2')
  for (const name of ['cp-1', 'cp-2']) putAtTarget(lab, name)
  lab.cluster.podArguments.set('kube-apiserver', [flag])
  if (isBroken) lab.machine('cp-1').brokenApiServers.add(`${image} ${flag}`)
  return { lab, others: othersOf(lab) }
}

function othersOf(lab: Lab): string {
  const { containers } = lab.machine('cp-1')
  return [...containers].filter(([, of]) => !of.includes('/kube-apiserver:')).join('\n')
}

// Kills a process at each question that it ever asks, and lets another one go on.
async function killedAnywhere(
  isBroken: boolean,
  when: 'before' | 'after',
  faultOf: (lab: Lab, end: string) => unknown,
) {
  const faults: string[] = []
  let killed = 0
  for (;;) {
    const { lab, others } = start(isBroken)
    const { engine, died } = mortal(lab.engine, killed + 1, when)
    const first = begin(lab, 'cp-1', { engine, ...wanted })
    const lastWords = await Promise.race([died, first.ended])
    if (lastWords === undefined) break
    killed += 1
    const { progress } = (await walk(lab, 'cp-1', wanted)).run
    lab.clock.pass(10)
    const isTouched = othersOf(lab) !== others && 'other containers'
    const fault =
      isTouched || faultOf(lab, progress.phase === 'Done' ? 'Done' : (progress.error?.code ?? progress.phase))
    if (fault) faults.push(`question ${killed}, ${lastWords.slice(0, 80)}: ${fault}`)
  }
  expect(killed).toBeGreaterThan(20)
  return faults
}

test.each(['before', 'after'] as const)('killed %s any question, the argument is there in the end', async (when) => {
  const faults = await killedAnywhere(false, when, (lab, end) => {
    if (end !== 'Done') return end
    const { running } = lab.machine('cp-1')
    if (running.get('kube-apiserver') !== `${image} ${flag}`) return running.get('kube-apiserver')
    return unitsOf(lab, 'cp-1').filter((unit) => unit === 'exchange').length !== 1 && 'exchanged twice'
  })
  expect(faults).toEqual([])
})

test.each([
  'before',
  'after',
] as const)('killed %s any question, a broken argument leaves everything old', async (when) => {
  const faults = await killedAnywhere(true, when, (lab, end) => {
    if (end !== 'EXCHANGE_UNDONE') return end
    const { running, apiServer } = lab.machine('cp-1')
    if (running.get('kube-apiserver') !== image) return running.get('kube-apiserver')
    return !apiServer?.ready && 'the API server is not ready'
  })
  expect(faults).toEqual([])
})
