import { expect, test } from 'vitest'
import { restAfterFailure } from '../../../src/upgrade/rest-after-failure.ts'
import type { EndedUnit, Step } from '../../../src/upgrade/step.ts'
import { exchange } from '../../../src/upgrade/steps/exchange.ts'
import { kubeadm } from '../../../src/upgrade/steps/kubeadm.ts'
import { kubeadmConfig } from '../../../src/upgrade/steps/kubeadm-config.ts'
import { manifests } from '../../../src/upgrade/steps/manifests.ts'
import { prepare } from '../../../src/upgrade/steps/prepare.ts'
import { render } from '../../../src/upgrade/steps/render.ts'
import { tidy } from '../../../src/upgrade/steps/tidy.ts'
import { type Lab, putAtTarget, startQuickLab } from '../../fake-docker/lab.ts'
import { old, target } from '../../fake-docker/release.ts'
import { situationOf, usualSources } from '../walk.ts'
import { look, lookAt, type Row, stage, work } from './look.ts'

const exchanged = (lab: Lab) => stage(lab, 'cp-1', 'exchanged')

const rows: [Step, ...Row][] = [
  [render, 'cp-1', 'done', 'the manifests are rendered', (lab) => stage(lab, 'cp-1', 'rendered/etcd.yaml')],
  [render, 'cp-1', 'done', 'they cannot be', (lab) => stage(lab, 'cp-1', 'exchange.refused', 'no')],
  [render, 'cp-1', 'the rendered manifests', 'nothing is there', () => {}],
  [
    render,
    'cp-1',
    'the rendered manifests',
    'another attempt rendered them',
    (lab) => stage(lab, 'cp-1', 'rendered/etcd.yaml', '', 'v1.35.3'),
  ],
  [prepare, 'cp-1', 'done', 'it is prepared', (lab) => stage(lab, 'cp-1', 'prepared')],
  [prepare, 'cp-1', 'done', 'it is not exchanged together', (lab) => stage(lab, 'cp-1', 'exchange.refused')],
  [prepare, 'cp-1', 'the preparation', 'only a part is there', (lab) => stage(lab, 'cp-1', 'before/kubelet')],
  [exchange, 'cp-1', 'done', 'it is exchanged and runs', exchanged],
  [exchange, 'cp-1', 'done', 'it is not exchanged together', (lab) => stage(lab, 'cp-1', 'exchange.refused')],
  [exchange, 'cp-1', 'the exchange', 'it is only prepared', (lab) => stage(lab, 'cp-1', 'prepared')],
  [
    exchange,
    'cp-1',
    'the etcd member of cp-3',
    'another member is not healthy',
    (lab) => Object.assign(lab.machine('cp-3'), { etcdHealthy: false }),
  ],
  [
    exchange,
    'cp-1',
    `the kubelet to run ${target}`,
    'the old kubelet runs',
    (lab) => {
      exchanged(lab)
      Object.assign(lab.machine('cp-1').kubelet, { version: old })
    },
  ],
  [
    exchange,
    'cp-1',
    `kube-scheduler to run ${target}`,
    'a static pod does not run',
    (lab) => {
      exchanged(lab)
      const { containers } = lab.machine('cp-1')
      for (const [id, image] of containers) if (image.includes('kube-scheduler')) containers.delete(id)
    },
  ],
]

test.each(
  rows.map(([step, name, waitsFor, why, change]) => [step.name, waitsFor, why, step, name, change] as const),
)('%s: %s, when %s', async (_, waitsFor, __, step, name, change) => {
  expect(await look(step, name, change)).toBe(waitsFor)
})

// A machine in the middle of its exchange.
function halfWay(...others: string[]): Lab {
  const lab = startQuickLab('cp-1', ...others)
  stage(lab, 'cp-1', 'before/kubelet', old)
  stage(lab, 'cp-1', 'bin/kubelet', target)
  return lab
}

test('the exchange is a unit after which the kubelet is started', async () => {
  const lab = halfWay('cp-2')
  const action = exchange.action?.(await situationOf(lab, 'cp-1', exchange))
  expect(action).toMatchObject({
    kind: 'unit',
    service: 'kubelet',
    args: ['forward', work, 'cp-1', 'drain', '2', '120'],
  })
})

test('a member that an exchange has left without etcd does not wait for the others', async () => {
  const lab = halfWay('cp-2')
  lab.machine('cp-2').etcdHealthy = false
  expect(exchange.action?.(await situationOf(lab, 'cp-1', exchange))).toBeUndefined()
  expect(await lookAt(manifests, lab, 'cp-1')).toBe('done')
  lab.machine('cp-1').etcdHealthy = false
  expect(exchange.action?.(await situationOf(lab, 'cp-1', exchange))).toBeDefined()
})

test('one that has come to its end is not begun again, where its container was', async () => {
  const lab = halfWay()
  exchanged(lab)
  lab.machine('cp-1').containers.clear()
  const situation = await situationOf(lab, 'cp-1', exchange)
  expect(exchange.done(situation)).not.toBe('done')
  expect(exchange.action?.(situation)).toBeUndefined()
})

test('nothing waits for the API or for etcd while the exchange is at work', async () => {
  const lab = startQuickLab('cp-1')
  const { apiServer, units } = lab.machine('cp-1')
  Object.assign(apiServer ?? {}, { answers: false })
  lab.machine('cp-1').etcdHealthy = false
  stage(lab, 'cp-1', 'before/kubelet', old)
  stage(lab, 'cp-1', 'prepared')
  units.start('capd-kubeadm-upgrader-exchange', 'exchange', 60, () => ({ exitCode: 0, log: '' }))
  expect(await lookAt(kubeadmConfig, lab, 'cp-1')).toBe('done')
  expect(await lookAt(manifests, lab, 'cp-1')).toBe('done')
})

test('a machine that was exchanged, and whose kubelet stays up, rests as it is; any other gets everything back', async () => {
  const lab = startQuickLab('cp-1')
  putAtTarget(lab, 'cp-1')
  const restNow = async () => restAfterFailure(await situationOf(lab, 'cp-1', exchange))
  expect(await restNow()).toBeUndefined()
  stage(lab, 'cp-1', 'before/kubelet', old)
  expect(await restNow()).toMatchObject({ kind: 'rest', args: ['back', work, 'cp-1', 'drain', '2', '60'] })
  exchanged(lab)
  expect(await restNow()).toBeUndefined()
  lab.machine('cp-1').kubelet.healthy = false
  expect(await restNow()).toMatchObject({ kind: 'rest', args: expect.arrayContaining(['back']) })
})

test('tidy reports a machine that is still drained', async () => {
  const action = tidy.action?.(await situationOf(startQuickLab('cp-1'), 'cp-1', tidy))
  const read = action?.kind === 'run' ? action.read : undefined
  expect(read?.('drained\n')).toMatchObject({ code: 'LOAD_BALANCER_AWAY', answer: 'progress' })
  expect(read?.('')).toBeUndefined()
})

const failed = (exitCode: number, log: string): EndedUnit => ({
  name: 'a-unit',
  state: 'failed',
  invocationId: 'run-1',
  result: 'exit-code',
  exitCode,
  log,
})

const undone = { component: 'kube-apiserver', cause: 'unknown flag: --x' }

test.each<[Step, number, string, object]>([
  [render, 46, '', { code: 'MANIFESTS_INCOMPLETE', answer: 'progress' }],
  [render, 47, '', { code: 'PATCHES_MISSING' }],
  [render, 1, 'no space\n', { code: 'UNIT_FAILED', answer: 'progress' }],
  [prepare, 46, '', { code: 'MANIFESTS_INCOMPLETE', answer: 'progress' }],
  [prepare, 47, '', { code: 'PATCHES_MISSING' }],
  [prepare, 1, 'error: no\n', { code: 'KUBEADM_FAILED', values: { cause: 'error: no', unit: 'a-unit' } }],
  [kubeadm, 1, 'error: no\n', { code: 'KUBEADM_FAILED' }],
  [
    exchange,
    49,
    'etcd has ended\ncomponent kube-apiserver: unknown flag: --x\n',
    { code: 'EXCHANGE_UNDONE', answer: 'failure', values: undone },
  ],
  [exchange, 49, 'component etcd: \n', { code: 'EXCHANGE_UNDONE', values: { cause: 'it logged no reason' } }],
  [exchange, 50, 'component kubelet: no\n', { code: 'EXCHANGE_UNDONE_UNWELL', values: { component: 'kubelet' } }],
  [exchange, 51, '', { code: 'ETCD_MEMBER_UNWELL', answer: 'progress' }],
  [exchange, 15, '', { code: 'UNIT_FAILED', answer: 'progress' }],
])('a unit of a step that ends with $1 is explained', (step, exitCode, log, error) => {
  expect(step.explain?.(failed(exitCode, log), { target, sources: usualSources })).toMatchObject(error)
})
