import { setImmediate as nextTurn } from 'node:timers/promises'
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { frame } from '../fake-docker/container.ts'
import type { FakeEngine } from '../fake-docker/engine.ts'
import { engineCalls, engineWith } from './engine-with.ts'

// Fake timers replace the global setTimeout only, so the one that promises is made of it here.
vi.mock('node:timers/promises', async (original) => ({
  ...(await original<object>()),
  setTimeout: (ms: number, value: unknown, { signal }: { signal?: AbortSignal } = {}) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, ms, value)
      signal?.addEventListener('abort', () => {
        clearTimeout(timer)
        reject(signal.reason)
      })
    }),
}))

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  onTestFinished(() => void vi.useRealTimers())
})

test.each(engineCalls)('%s waits 10 s for an engine that hangs', async (_name, call) => {
  const { fake, engine } = await engineWith()
  fake.fault = () => 'hang'
  const outcome = outcomeOf(call(engine))
  await asked(fake, '')
  await vi.advanceTimersByTimeAsync(9_999)
  expect(outcome.code).toBe('none yet')
  await vi.advanceTimersByTimeAsync(1)
  expect(outcome.code).toBe('ENGINE_UNREACHABLE')
})

test('an engine that hangs when a command is to start is not waited for', async () => {
  const { fake, engine } = await engineWith()
  fake.fault = (request) => (request.endsWith('/start') ? 'hang' : undefined)
  const outcome = outcomeOf(engine.exec('m-1', ['date']))
  await asked(fake, '/start')
  await vi.advanceTimersByTimeAsync(10_000)
  expect(outcome.code).toBe('ENGINE_UNREACHABLE')
})

// `timeout` in a container that is frozen is frozen, too.
test('a command in a frozen container is given up 10 s after its own time limit', async () => {
  const { engine, docker } = await engineWith(() => ({ chunks: [frame(1, 'x')], exitCode: 0, end: 'never' }))
  const reading = vi.spyOn(docker.modem, 'demuxStream')
  const outcome = outcomeOf(engine.exec('m-1', ['date'], { timeoutSeconds: 60 }))
  await until(() => reading.mock.calls.length > 0)
  await vi.advanceTimersByTimeAsync(69_000)
  expect(outcome.code).toBe('none yet')
  await vi.advanceTimersByTimeAsync(1_000)
  await until(() => outcome.code !== 'none yet')
  expect(outcome.code).toBe('EXEC_TIME_LIMIT')
})

test('a stream that is cut while the command goes on gives no result', async () => {
  const { fake, engine } = await engineWith(() => ({ chunks: [frame(1, 'half')], exitCode: 0, end: 'cut' }))
  fake.execs.inspect = (id) => ({ ID: id, Running: true, ExitCode: null })
  const outcome = outcomeOf(engine.exec('m-1', ['date']))
  await asked(fake, '/json')
  await until(() => {
    vi.advanceTimersByTime(1_000)
    return outcome.code !== 'none yet'
  })
  expect(outcome.code).toBe('ENGINE_UNREACHABLE')
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

// In real time, which is not faked for what the two ends of a socket do.
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await nextTurn()
}
