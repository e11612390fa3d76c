import { describe, expect, test } from 'vitest'
import { leadWith, prepareMachine, type Shape, work } from './exchanged-machine.ts'
import { createRoot } from './rooted.ts'

const sameEtcd = {
  versions: { before: 'v1.35.4', after: 'v1.35.5' },
  etcd: { before: '3.6.6-0', after: '3.6.6-0' },
}

async function exchangeLedBy(leader: string, shape: Shape = {}) {
  const root = createRoot()
  prepareMachine(root, shape)
  leadWith(root, leader)
  const { exitCode, stdout } = await root.run('steps/exchange.sh', 'forward', work, 'cp-1', 'leave', '1', '0')
  expect(exitCode).toBe(0)
  const steps = root.calls().filter((call) => /transfer-leadership|systemctl stop/.test(call))
  return { stdout, steps: steps.map((call) => /targetID":"(\d+)/.exec(call)?.[1] ?? call), calls: root.calls() }
}

describe.skipIf(process.platform !== 'linux')("exchange.sh and etcd's leadership", () => {
  test('moves it to another member that can take it, while everything runs', async () => {
    const { stdout, steps, calls } = await exchangeLedBy('11')
    expect(steps).toEqual(['12', '13', 'systemctl stop kubelet'])
    expect(stdout).toContain("etcd's leadership has moved to 13")
    expect(calls.find((call) => call.includes('transfer-leadership'))).toContain(
      '--cacert ca.crt --cert server.crt --key server.key --data {"targetID":"12"} https://127.0.0.1:2379/v3/',
    )
  })

  test.each([
    ['another member leads', '12', {}],
    ['no member leads', '0', {}],
    ['etcd goes on', '11', sameEtcd],
  ])('leaves it where %s', async (_, leader, shape) => {
    expect((await exchangeLedBy(leader, shape)).steps).toEqual(['systemctl stop kubelet'])
  })
})
