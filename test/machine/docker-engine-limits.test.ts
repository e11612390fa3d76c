import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { frame, plainContainer } from '../fake-docker/container.ts'
import type { FakeEngine } from '../fake-docker/engine.ts'
import { ManualClock } from '../fake-docker/manual-clock.ts'
import { engineCalls, engineWith } from './engine-with.ts'

// An engine whose client's time passes only as the test lets it.
async function stillEngine(play?: Parameters<typeof engineWith>[0]) {
  const clock = new ManualClock()
  return { clock, ...(await engineWith(play, { clock })) }
}

test.each(
  engineCalls.flatMap(([name, call]) => (['hang', 'half'] as const).map((fault) => [name, fault, call] as const)),
)('%s that has no whole answer (%s) is ended after 10 s', async (_name, fault, call) => {
  const { fake, engine, clock } = await stillEngine()
  fake.fault = () => fault
  const outcome = outcomeOf(call(engine))
  await asked(fake, '')
  clock.pass(9.999)
  await nextTurn()
  expect(outcome.code).toBe('none yet')
  clock.pass(0.001)
  await until(() => outcome.code !== 'none yet')
  expect(outcome.code).toBe('ENGINE_UNREACHABLE')
  await until(() => fake.connections === 0)
  expect(clock.sleepers).toBe(0)
})

test('many calls that hang leave no connection and no timer behind', async () => {
  const { fake, engine, clock } = await stillEngine()
  fake.fault = () => 'hang'
  const outcomes = Array.from({ length: 50 }, () => engineCalls.map(([, call]) => outcomeOf(call(engine)))).flat()
  await until(() => fake.requests.length === outcomes.length)
  expect(fake.connections).toBe(outcomes.length)
  clock.pass(10)
  await until(() => outcomes.every(({ code }) => code === 'ENGINE_UNREACHABLE'))
  await until(() => fake.connections === 0)
  expect(clock.sleepers).toBe(0)
})

test('an engine that hangs when a command is to start is not waited for', async () => {
  const { fake, engine, clock } = await stillEngine()
  fake.fault = (request) => (request.endsWith('/start') ? 'hang' : undefined)
  const outcome = outcomeOf(engine.exec('m-1', ['date']))
  await asked(fake, '/start')
  clock.pass(10)
  await until(() => outcome.code !== 'none yet')
  expect(outcome.code).toBe('ENGINE_UNREACHABLE')
})

test('an engine that hangs after the command has ended is not waited for', async () => {
  const { fake, engine, clock } = await stillEngine()
  fake.fault = (request) => (request.startsWith('GET /exec/') ? 'hang' : undefined)
  const outcome = outcomeOf(engine.exec('m-1', ['date']))
  await until(() => fake.requests.some((request) => request.startsWith('GET /exec/')))
  clock.pass(10)
  await until(() => outcome.code !== 'none yet')
  expect(outcome.code).toBe('ENGINE_UNREACHABLE')
})

test('a helper whose start hangs is given up, and is started by the next call', async () => {
  const { fake, engine, clock, container } = await stillEngine()
  container.mounts.push({ Type: 'volume', Name: 'v', Destination: '/var' })
  fake.helpers.images.set('i', () => {})
  fake.fault = (request) => (request.endsWith('/start') ? 'hang' : undefined)
  const helper = { name: 'h', image: 'i', argv: ['sh'], volumes: { v: '/machine' } }
  const outcome = outcomeOf(engine.helper(helper))
  await asked(fake, '/start')
  clock.pass(10)
  await until(() => outcome.code !== 'none yet')
  expect(outcome.code).toBe('ENGINE_UNREACHABLE')
  fake.fault = () => undefined
  await engine.helper(helper)
  expect(fake.helpers.starts).toEqual(['h'])
})

// `timeout` in a container that is frozen is frozen, too.
test.each([
  ['with', { input: 'some text' }],
  ['without', {}],
])('a command %s input in a frozen container is given up 10 s after its own time limit', async (_name, options) => {
  let hasBegun = false
  const { fake, engine, clock } = await stillEngine(() => {
    hasBegun = true
    return { chunks: [frame(1, 'x')], exitCode: 0, end: 'never' }
  })
  const outcome = outcomeOf(engine.exec('m-1', ['date'], { ...options, timeoutSeconds: 60 }))
  // The calls have been answered, and only the command is waited for.
  await until(() => hasBegun && clock.next === 70)
  expect(fake.connections).toBeGreaterThan(0)
  clock.pass(69)
  await nextTurn()
  expect(outcome.code).toBe('none yet')
  clock.pass(1)
  await until(() => outcome.code !== 'none yet')
  expect(outcome.code).toBe('EXEC_TIME_LIMIT')
  await until(() => fake.connections === 0)
  expect(clock.sleepers).toBe(0)
})

test('a stream that is cut while the command goes on gives no result', async () => {
  const { fake, engine, clock } = await stillEngine(() => ({ chunks: [frame(1, 'half')], exitCode: 0, end: 'cut' }))
  fake.execs.inspect = (id) => ({ ID: id, Running: true, ExitCode: null })
  const outcome = outcomeOf(engine.exec('m-1', ['date']))
  await until(() => {
    // Only the short time between two questions passes: the limits of the calls themselves are longer.
    if (clock.next < 1) clock.pass(clock.next)
    return outcome.code !== 'none yet'
  })
  expect(outcome.code).toBe('ENGINE_UNREACHABLE')
})

test('a container that hangs keeps nothing from the others', async () => {
  const { fake, engine } = await stillEngine(() => ({ chunks: [], exitCode: 0, end: 'never' }))
  fake.containers.push(plainContainer('m-2', () => ({ chunks: [frame(1, 'x')], exitCode: 0 })))
  outcomeOf(engine.exec('m-1', ['date']))
  expect(await engine.exec('m-2', ['date'])).toMatchObject({ stdout: 'x' })
})

function outcomeOf(promise: Promise<unknown>): { code: string } {
  const outcome = { code: 'none yet' }
  promise.then(
    () => Object.assign(outcome, { code: 'none' }),
    (thrown) => Object.assign(outcome, { code: thrown.code }),
  )
  return outcome
}

async function asked(fake: FakeEngine, request: string): Promise<void> {
  await until(() => fake.requests.some((line) => line.endsWith(request)))
}

// Time does not pass in between, but the two ends of a socket do what they do.
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await nextTurn()
}
