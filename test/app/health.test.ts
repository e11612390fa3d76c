import { expect, test } from 'vitest'
import { UpgradeError } from '../../src/errors/upgrade-error.ts'
import { paths, serve, silent } from './serve.ts'

const answers = async () => {}
const down = async () => {
  throw new UpgradeError('ENGINE_UNREACHABLE')
}

test('the service is healthy whatever the engine does', async () => {
  for (const ping of [answers, down]) {
    const { app } = serve({ engine: silent({ ping }) })
    const { statusCode, body } = await app.inject('/healthz')
    expect({ statusCode, body }).toEqual({ statusCode: 200, body: 'ok' })
  }
})

test('the service is ready when the engine answers', async () => {
  const { app } = serve({ engine: silent({ ping: answers }) })
  const { statusCode, body } = await app.inject('/readyz')
  expect({ statusCode, body }).toEqual({ statusCode: 200, body: 'ok' })
})

test('the service is not ready while the engine does not answer, and says why', async () => {
  const { app } = serve({ engine: silent({ ping: down }) })
  const { statusCode, body } = await app.inject('/readyz')
  expect({ statusCode, body }).toEqual({
    statusCode: 503,
    body: 'The Docker engine does not answer. (ENGINE_UNREACHABLE)\n',
  })
})

test('why the service is not ready is logged once, and once more when it happens again', async () => {
  let ping: () => Promise<void> = down
  const { app, log } = serve({ engine: silent({ ping: () => ping() }) })
  const times = () => log().match(/ENGINE_UNREACHABLE/g)?.length
  for (let i = 0; i < 3; i++) await app.inject('/readyz')
  const once = times()
  expect(once).toBeGreaterThan(0)
  ping = answers
  await app.inject('/readyz')
  ping = down
  for (let i = 0; i < 3; i++) await app.inject('/readyz')
  expect(times()).toBe(2 * (once ?? 0))
})

test('the service is ready again when the engine is back', async () => {
  let ping: () => Promise<void> = down
  const { app } = serve({ engine: silent({ ping: () => ping() }) })
  expect((await app.inject('/readyz')).statusCode).toBe(503)
  ping = answers
  expect((await app.inject('/readyz')).statusCode).toBe(200)
})

test('bad settings in a call do not make the service unready', async () => {
  const { app, post } = serve({ engine: silent({ ping: answers }) })
  await post(paths.updateMachine, { settings: { nonsense: 'x' } })
  expect((await app.inject('/readyz')).statusCode).toBe(200)
})
