import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { UpdateMachineRequest } from '../../src/contract/objects.ts'
import { readSettings } from '../../src/contract/settings.ts'
import { answerUpdateMachine } from '../../src/hooks/update-machine.ts'
import { memberObserver } from '../../src/upgrade/members.ts'
import { nodeImages } from '../../src/upgrade/node-image-pulls.ts'
import { planFor } from '../../src/upgrade/plan.ts'
import { taskOfMachine } from '../../src/upgrade/task.ts'
import { createUpgrades } from '../../src/upgrade/upgrades.ts'
import { recorder, silent, sources } from '../app/serve.ts'
import { captured } from '../contract/captured.ts'
import { SimulatedClock } from '../fake-docker/simulated-clock.ts'

// What Cluster API sends for a machine of the in-memory backend, whose bootstrap config has this file.
function request(content: string, { role = 'worker', namespace = 'default' } = {}): UpdateMachineRequest {
  const sent = captured(`update-machine.${role}`).body as unknown as UpdateMachineRequest
  const { machine, infrastructureMachine, bootstrapConfig } = sent.desired
  machine.metadata.namespace = namespace
  machine.spec.providerID = `in-memory://${machine.metadata.name}`
  infrastructureMachine.spec = { backend: { inMemory: {} } }
  Object.assign(bootstrapConfig ?? {}, { spec: { files: [{ path: '/tmp/test', content }] } })
  return { ...sent, settings: { inMemory: 'simulate' } }
}

function begin(clock = new SimulatedClock()) {
  const asked: string[] = []
  const note = async (what: string) => {
    asked.push(what)
    throw new Error('there is no engine')
  }
  const engine = silent({ inspect: note, list: () => note('list'), exec: note, ping: () => note('ping') })
  const { log, text } = recorder()
  const images = nodeImages({ engine, clock, log, stop: new AbortController().signal })
  const upgrades = createUpgrades({ engine, members: memberObserver(engine, clock), images, sources, clock, log })
  return { clock, asked, log: text, upgrades }
}

type Upgrades = ReturnType<typeof begin>['upgrades']

// Every message once, until Cluster API gets the end.
async function hear(upgrades: Upgrades, given: UpdateMachineRequest): Promise<string[]> {
  const heard: string[] = []
  for (;;) {
    const { status, message, retryAfterSeconds } = await answerUpdateMachine(JSON.stringify(given), upgrades)
    expect(status).toBe('Success')
    if (heard.at(-1) !== message) heard.push(message)
    if (retryAfterSeconds === 0) return heard
    await nextTurn()
  }
}

test.each([
  'control-plane',
  'worker',
] as const)('a %s walks its real plan in name, and no engine is asked', async (role) => {
  const { upgrades, asked, log } = begin()
  const plan = planFor({ machine: { role }, sources, settings: readSettings() })
  expect(await hear(upgrades, request('one', { role }))).toEqual([
    ...plan.map(({ doing }, i) => `simulated: step ${i + 1} of ${plan.length}, ${doing}`),
    'simulated: at v1.35.4',
  ])
  expect(asked).toEqual([])
  expect(log()).toContain('SIMULATED: nothing is done to this machine')
})

test('what is done stays done while it is requested, and other files are a walk of their own', async () => {
  const { upgrades, clock } = begin()
  await hear(upgrades, request('one'))
  for (let i = 0; i < 3; i += 1) {
    clock.pass(100)
    expect(await hear(upgrades, request('one'))).toEqual(['simulated: at v1.35.4'])
  }
  const again = await hear(upgrades, request('two'))
  expect(again.length).toBeGreaterThan(2)
})

test('machines of one name in two namespaces are two', async () => {
  const { upgrades } = begin()
  await hear(upgrades, request('one', { namespace: 'a' }))
  expect((await hear(upgrades, request('one', { namespace: 'b' }))).length).toBeGreaterThan(2)
})

test('other files walk next to what is under way: there is no machine to share', async () => {
  const { upgrades } = begin()
  upgrades.start(taskOfMachine(request('one')))
  const answer = await answerUpdateMachine(JSON.stringify(request('two')), upgrades)
  expect(answer).toMatchObject({ status: 'Success', message: expect.stringContaining('simulated: ') })
  expect(answer.retryAfterSeconds).toBeGreaterThan(0)
})

test('a second process walks for itself', async () => {
  const clock = new SimulatedClock()
  const [one, other] = [begin(clock), begin(clock)]
  await hear(one.upgrades, request('one'))
  expect((await hear(other.upgrades, request('one'))).length).toBeGreaterThan(2)
})

test('when the process ends, the walk stays where it is', async () => {
  const { upgrades, clock } = begin()
  upgrades.start(taskOfMachine(request('one')))
  clock.stop()
  for (let i = 0; i < 50; i += 1) await nextTurn()
  expect(await upgrades.sync(taskOfMachine(request('one')))).toMatchObject({
    phase: 'InProgress',
    message: expect.stringContaining('simulated: step 1 of'),
  })
})
