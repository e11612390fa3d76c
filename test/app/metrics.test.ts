import { expect, test } from 'vitest'
import { captured } from '../contract/captured.ts'
import { paths, serve, upgradesAt } from './serve.ts'

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

test('what is no hook is not counted, and two services do not count together', async () => {
  const [one, other] = [serve({ upgrades: upgradesAt(underWay) }), serve()]
  await one.post(paths.updateMachine, request)
  await other.post('/nowhere')
  await other.app.inject('/healthz')
  expect(await shown(other)).toEqual(['capd_kubeadm_upgrader_faults_allowed 0'])
})
