import { expect, test } from 'vitest'
import { createMetrics, type Metrics } from '../../src/metrics.ts'
import { captured } from '../contract/captured.ts'
import { paths, serve, token, upgradesAt } from './serve.ts'

const underWay = { phase: 'InProgress', step: 'kubeadm', message: 'm', retryAfterSeconds: 10 } as const
const { body: request } = captured('update-machine.worker')

// What /metrics shows, without its comments.
async function shown({ app }: ReturnType<typeof serve>): Promise<string[]> {
  const { statusCode, headers, body } = await app.inject('/metrics')
  expect(statusCode).toBe(200)
  expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/)
  return body.split('\n').filter((line: string) => line !== '' && !line.startsWith('#'))
}

test('before any call there is only whether misbehaviour is allowed', async () => {
  for (const faults of [true, false]) {
    expect(await shown(serve({ faults }))).toContain(`capd_kubeadm_upgrader_faults_allowed ${faults ? 1 : 0}`)
  }
})

test('calls are counted by hook and by the status of the answer', async () => {
  const served = serve({ upgrades: upgradesAt(underWay) })
  await served.post(paths.discovery)
  await served.post(paths.updateMachine, request)
  await served.post(paths.updateMachine, request)
  await served.post(paths.updateMachine, 'no JSON')
  await served.post(paths.canUpdateMachine, 'x'.repeat(11 * 1024 * 1024))
  const calls = (await shown(served)).filter((line) => line.startsWith('capd_kubeadm_upgrader_hook_calls_total'))
  expect(calls.sort()).toEqual([
    'capd_kubeadm_upgrader_hook_calls_total{hook="CanUpdateMachine",status="Failure"} 1',
    'capd_kubeadm_upgrader_hook_calls_total{hook="Discovery",status="Success"} 1',
    'capd_kubeadm_upgrader_hook_calls_total{hook="UpdateMachine",status="Failure"} 1',
    'capd_kubeadm_upgrader_hook_calls_total{hook="UpdateMachine",status="Success"} 2',
  ])
})

test('how long calls take is shown by hook, in seconds', async () => {
  const served = serve({ upgrades: upgradesAt(underWay) })
  await served.post(paths.updateMachine, request)
  const lines = await shown(served)
  expect(lines).toContain('capd_kubeadm_upgrader_hook_duration_seconds_count{hook="UpdateMachine"} 1')
  const sum = lines.find((line) => line.startsWith('capd_kubeadm_upgrader_hook_duration_seconds_sum'))
  expect(Number(sum?.split(' ')[1])).toBeGreaterThan(0)
  expect(Number(sum?.split(' ')[1])).toBeLessThan(60)
})

test('what is no hook is not counted as one, and two services do not count together', async () => {
  const [one, other] = [serve({ upgrades: upgradesAt(underWay) }), serve()]
  await one.post(paths.updateMachine, request)
  await other.post('/nowhere')
  await other.app.inject('/healthz')
  expect((await shown(other)).filter((line) => line.includes('hook_'))).toEqual([])
})

// The figures of these names, with their labels, that are not 0.
async function figures(metrics: Metrics, ...names: string[]): Promise<string[]> {
  const lines = (await metrics.text()).split('\n')
  return lines.filter((line) => names.some((name) => line.startsWith(name)) && !line.endsWith(' 0'))
}

test('requests that are refused are counted by code', async () => {
  const served = serve()
  await served.post('/v1/start', '{}')
  await served.post('/v1/start', '{', { authorization: `Bearer ${token}` })
  await served.post('/v1/sync', '{', { authorization: `Bearer ${token}` })
  const lines = (await shown(served)).filter((line) => line.includes('requests_refused'))
  expect(lines.sort()).toEqual([
    'capd_kubeadm_upgrader_requests_refused_total{code="REQUEST_NOT_JSON"} 2',
    'capd_kubeadm_upgrader_requests_refused_total{code="TOKEN_WRONG"} 1',
  ])
})

test('upgrades are counted by result and code, and those in flight are shown', async () => {
  const metrics = createMetrics({ faultsAllowed: false, ofProcess: false })
  metrics.upgradesInFlight(3)
  metrics.upgradesInFlight(1)
  metrics.upgradeEnded('done', '')
  metrics.upgradeEnded('done', '')
  metrics.upgradeEnded('failed', 'KUBEADM_FAILED')
  expect(await figures(metrics, 'capd_kubeadm_upgrader_upgrades')).toEqual([
    'capd_kubeadm_upgrader_upgrades_total{result="done",code=""} 2',
    'capd_kubeadm_upgrader_upgrades_total{result="failed",code="KUBEADM_FAILED"} 1',
    'capd_kubeadm_upgrader_upgrades_in_flight 1',
  ])
})

test('how long steps and commands take are histograms in seconds', async () => {
  const metrics = createMetrics({ faultsAllowed: false, ofProcess: false })
  metrics.stepEnded('kubeadm', 45)
  metrics.stepEnded('kubeadm', 10_000)
  metrics.execEnded('ok', 0.2)
  metrics.execEnded('ok', 0.3)
  metrics.execEnded('failed', 2)
  metrics.execEnded('error', 30)
  const lines = await figures(metrics, 'capd_kubeadm_upgrader_step', 'capd_kubeadm_upgrader_exec')
  expect(lines).toEqual(
    expect.arrayContaining([
      'capd_kubeadm_upgrader_step_duration_seconds_bucket{le="60",step="kubeadm"} 1',
      'capd_kubeadm_upgrader_step_duration_seconds_bucket{le="+Inf",step="kubeadm"} 2',
      'capd_kubeadm_upgrader_step_duration_seconds_sum{step="kubeadm"} 10045',
      'capd_kubeadm_upgrader_execs_total{outcome="ok"} 2',
      'capd_kubeadm_upgrader_execs_total{outcome="failed"} 1',
      'capd_kubeadm_upgrader_execs_total{outcome="error"} 1',
      'capd_kubeadm_upgrader_exec_duration_seconds_bucket{le="0.25"} 1',
      'capd_kubeadm_upgrader_exec_duration_seconds_count 4',
    ]),
  )
})

test('the figures of the process are there, without a prefix, where they are requested', async () => {
  const names = ['process_resident_memory_bytes', 'process_cpu_seconds_total', 'nodejs_eventloop_lag_seconds']
  const text = await createMetrics({ faultsAllowed: false, ofProcess: true }).text()
  for (const name of names) expect(text).toContain(`# TYPE ${name}`)
  expect(await createMetrics({ faultsAllowed: false, ofProcess: false }).text()).not.toContain('process_')
})
