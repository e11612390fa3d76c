import { expect, test } from 'vitest'
import { UpgradeError } from '../../src/errors/upgrade-error.ts'
import { paths, serve, silent } from './serve.ts'

const answers = async () => {}
const down = async () => {
  throw new UpgradeError('ENGINE_UNREACHABLE')
}

// An engine that can be changed, and a clock that stands still until it is moved.
function served(first: () => Promise<void>) {
  const state = { time: 1000, ping: first, calls: 0 }
  const now = () => state.time
  const ping = () => {
    state.calls++
    return state.ping()
  }
  const { app, log, post } = serve({ engine: silent({ ping }), ready: { now }, now })
  const probe = async () => {
    const { statusCode, body } = await app.inject('/readyz')
    return { statusCode, body }
  }
  return { app, log, post, state, probe }
}

test('the service is healthy whatever the engine does', async () => {
  for (const ping of [answers, down]) {
    const { app } = served(ping)
    const { statusCode, body } = await app.inject('/healthz')
    expect({ statusCode, body }).toEqual({ statusCode: 200, body: 'ok' })
  }
})

test('the service is ready when the engine answers', async () => {
  expect(await served(answers).probe()).toEqual({ statusCode: 200, body: 'ok' })
})

test('the service is not ready while the engine does not answer, and reports why', async () => {
  expect(await served(down).probe()).toEqual({
    statusCode: 503,
    body: `${new UpgradeError('ENGINE_UNREACHABLE').message}\n`,
  })
})

test('why the service is not ready is logged once, and once more when it happens again', async () => {
  const { state, probe, log } = served(down)
  const times = () => log().match(/"code":"ENGINE_UNREACHABLE"/g)?.length
  for (let i = 0; i < 30; i++) {
    await probe()
    state.time += 5
  }
  expect(times()).toBe(1)
  state.ping = answers
  await probe()
  state.time += 60
  state.ping = down
  for (let i = 0; i < 3; i++) await probe()
  expect(times()).toBe(2)
})

test('an engine that comes and goes is a line a minute', async () => {
  const { state, probe, log } = served(down)
  for (let i = 0; i < 12; i++) {
    state.ping = i % 2 === 0 ? down : answers
    await probe()
    state.time += 5
  }
  expect(log().match(/"code":"ENGINE_UNREACHABLE"/g)).toHaveLength(1)
})

test('the service is ready again when the engine is back', async () => {
  const { state, probe } = served(down)
  expect((await probe()).statusCode).toBe(503)
  state.ping = answers
  state.time += 5
  expect((await probe()).statusCode).toBe(200)
})

test('the engine is called once in five seconds, however many probes there are', async () => {
  for (const ping of [answers, down]) {
    const { state, probe } = served(ping)
    await Promise.all(Array.from({ length: 20 }, probe))
    state.time += 4
    await probe()
    expect(state.calls).toBe(1)
    state.time += 1
    await Promise.all(Array.from({ length: 20 }, probe))
    expect(state.calls).toBe(2)
  }
})

test('an engine that hangs is called once, and all who wait have its answer', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const { state, probe } = served(() => promise)
  const waiting = Array.from({ length: 20 }, () => {
    state.time += 10
    return probe()
  })
  // Each of them has come as far as the engine.
  await new Promise(setImmediate)
  expect(state.calls).toBe(1)
  resolve()
  for (const { statusCode } of await Promise.all(waiting)) expect(statusCode).toBe(200)
  // What was answered late is as good as new.
  expect((await probe()).statusCode).toBe(200)
  expect(state.calls).toBe(1)
})

test('bad settings in a call do not make the service unready', async () => {
  const { post, probe } = served(answers)
  await post(paths.updateMachine, { settings: { nonsense: 'x' } })
  expect((await probe()).statusCode).toBe(200)
})
