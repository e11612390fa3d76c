import { expect, onTestFinished, test } from 'vitest'
import { dockerEngine } from '../../src/machine/docker-engine.ts'
import type { Engine } from '../../src/machine/engine.ts'
import { ManualClock } from '../fake-docker/manual-clock.ts'
import { LoadEngine } from './load-engine.ts'
import { hungNames } from './names.ts'
import { until } from './until.ts'

// One in 40 is a command whose output does not end, which is one of a few that hang for 10 s and more.
const names = hungNames('test', 40)

test('calls of every kind that hangs in a load leave no connection and no timer behind', async () => {
  const fake = new LoadEngine()
  await fake.up()
  onTestFinished(() => fake.remove())
  const clock = new ManualClock()
  const engine = dockerEngine({ docker: fake.docker, clock })
  const calls = Promise.allSettled(names.map((name) => callTo(engine, name)))
  await until('every call hangs', async () => fake.hung.size === names.length, 60)
  expect(fake.connections).toBeGreaterThanOrEqual(names.length)
  clock.pass(40)
  expect(codesOf(await calls)).toEqual(names.map(codeOf))
  await until('every connection is closed', async () => fake.connections === 0, 60)
  expect(clock.sleepers).toBe(0)
  expect(fake.unknown).toEqual([])
})

// Commands get their standard input, as all of the service's do: its end shows nothing about the end of the client.
function callTo(engine: Engine, name: string): Promise<unknown> {
  if (/^hung-(inspect|half)-/.test(name)) return engine.inspect(name)
  return engine.exec(name, ['sh'], { input: 'some text' })
}

function codeOf(name: string): string {
  return name.startsWith('hung-output-') ? 'EXEC_TIME_LIMIT' : 'ENGINE_UNREACHABLE'
}

function codesOf(outcomes: PromiseSettledResult<unknown>[]): string[] {
  return outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.code : 'none'))
}
