import { expect, test } from 'vitest'
import { engineError } from '../../src/machine/engine-error.ts'
import { Refusal } from '../fake-docker/reply.ts'
import { engineCalls, engineWith } from './engine-with.ts'

test.each(
  engineCalls.flatMap(([name, call]) => [400, 500].map((status) => [name, status, call] as const)),
)('%s that the engine refuses with %i is an error with its words', async (_name, status, call) => {
  const { fake, engine } = await engineWith()
  fake.fault = () => new Refusal(status, 'the disk is full\nand more')
  await expect(call(engine)).rejects.toMatchObject({
    code: 'ENGINE_REFUSED',
    message: `The Docker engine refused a request with status ${status}: the disk is full (ENGINE_REFUSED)`,
  })
})

test.each(engineCalls)('%s reports when what answers is away or starting', async (_name, call) => {
  const { fake, engine } = await engineWith()
  for (const status of [502, 503, 504]) {
    fake.fault = () => new Refusal(status, 'starting')
    await expect(call(engine)).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' })
  }
})

test('an engine that does not know a call has not lost a container', async () => {
  const { fake, engine } = await engineWith()
  fake.fault = () => new Refusal(404, 'page not found')
  await expect(engine.list({})).rejects.toMatchObject({ code: 'ENGINE_REFUSED', values: { status: '404' } })
})

// The message of a state stays the same, on one line.
test.each([
  [`cannot start exec ${'ab'.repeat(32)}: no`, 'cannot start exec <id>: no'],
  ['a\tb\u001b[31m', 'a b [31m'],
  ['x'.repeat(1000), 'x'.repeat(200)],
  ['', ''],
])('of the words %j of the engine its error has %j', (message, cause) => {
  const thrown = { statusCode: 500, message: 'dockerode: all of it', json: { message } }
  expect(engineError(thrown, 'm-1').values).toEqual({ status: '500', cause })
})
