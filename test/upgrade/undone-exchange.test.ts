import { beforeEach, describe, expect, test } from 'vitest'
import { type Lab, startLab, startQuickLab } from '../fake-docker/lab.ts'
import { old, staticPodsOf, target } from '../fake-docker/release.ts'
import { type Begun, begin, recordOf, unitsOf, walk } from './walk.ts'

const broken = staticPodsOf(target)['kube-apiserver'] ?? ''

let lab: Lab
beforeEach(() => {
  lab = startQuickLab('cp-1', 'cp-2', 'cp-3')
})

function exchangesOf(name: string): number {
  return unitsOf(lab, name).filter((unit) => unit === 'exchange').length
}

// Cluster API calls again and again. Each call that begins a walk is another process or the same one.
async function callFor(seconds: number): Promise<Begun[]> {
  const begun: Begun[] = []
  for (const until = lab.clock.monotonic() + seconds * 1000; lab.clock.monotonic() < until; lab.clock.pass(50)) {
    begun.push(await walk(lab, 'cp-1'))
  }
  return begun
}

describe('an exchange that did not get healthy and went back', () => {
  beforeEach(async () => {
    lab.machine('cp-1').brokenApiServers.add(broken)
    await walk(lab, 'cp-1')
    lab.clock.pass(10)
  })

  test('is not tried again for the same request within an hour, and the member is left alone', async () => {
    const machine = lab.machine('cp-1')
    const before = machine.snapshot()
    for (const { run } of await callFor(3400)) {
      expect(run.progress.error).toMatchObject({ code: 'EXCHANGE_UNDONE', values: { component: 'kube-apiserver' } })
      expect(lab.cluster.balancer.draining.size).toBe(0)
    }
    expect(machine.snapshot()).toEqual(before)
    expect(exchangesOf('cp-1')).toBe(1)
    expect(machine.apiServer).toMatchObject({ version: old, ready: true })
    await callFor(300)
    expect(exchangesOf('cp-1')).toBe(2)
  })

  test('makes way for another request at once', async () => {
    lab.machine('cp-1').brokenApiServers.clear()
    const { run } = await walk(lab, 'cp-1', { files: [{ path: '/etc/motd', content: 'hello' }] })
    expect(run.progress).toMatchObject({ phase: 'Done', message: `at ${target}` })
  })
})

test.each<[reason: string, disturb: (lab: Lab) => void]>([
  ['its unit is killed', ({ machine }) => machine('cp-1').units.fail('exchange', { exitCode: 143, log: '' }, 2)],
  [
    'the etcd member is not healthy',
    ({ machine }) => machine('cp-1').units.fail('exchange', { exitCode: 51, log: '' }, 2),
  ],
  [
    'what came back is not healthy yet',
    ({ machine }) =>
      machine('cp-1').units.fail('exchange', { exitCode: 50, log: 'component kube-apiserver: no etcd\n' }, 1),
  ],
])('an exchange is tried again soon where %s', async (_, disturb) => {
  disturb(lab)
  const began = lab.clock.monotonic()
  await walk(lab, 'cp-1')
  lab.clock.pass(11)
  const { run } = await walk(lab, 'cp-1')
  expect(run.progress).toMatchObject({ phase: 'Done', message: `at ${target}` })
  expect((lab.clock.monotonic() - began) / 1000).toBeLessThan(600)
})

test('an engine that is away during the exchange is no failure of it', async () => {
  lab = await startLab('cp-1', 'cp-2', 'cp-3')
  lab.machine('cp-1').units.hold('exchange')
  const walked = begin(lab, 'cp-1')
  const isAtWork = () => unitsOf(lab, 'cp-1').includes('exchange')
  const whenAtWork = () => {
    if (!isAtWork()) return lab.clock.after(1, whenAtWork)
    void lab.fake.down()
    lab.clock.after(20, () => lab.machine('cp-1').units.release('exchange'))
    lab.clock.after(120, () => void lab.fake.up())
  }
  lab.clock.after(1, whenAtWork)
  await walked.ended
  expect(walked.run.progress).toMatchObject({ phase: 'Done', message: `at ${target}` })
  expect(walked.reports).toContain('exchange: ENGINE_UNREACHABLE')
  expect(recordOf(lab, 'cp-1')?.failure).toBeNull()
  expect(exchangesOf('cp-1')).toBe(1)
})
