import { expect, test } from 'vitest'
import { hooks } from '../../src/contract/catalogue.ts'
import { UpgradeError } from '../../src/errors/upgrade-error.ts'
import { observingMessage } from '../../src/upgrade/progress.ts'
import { asked, captured } from '../contract/captured.ts'
import { paths, serve, silent, stillClock, token } from './serve.ts'

// Cluster API gives a call this long. Half of it is left for the way there and back.
const enoughSeconds = hooks.updateMachine.timeoutSeconds / 2

// How long the service wants to wait, in seconds, in place of the waiting itself.
const waits: number[] = []
const clock = stillClock(waits)

const bearer = { authorization: `Bearer ${token}` }
const start = { providerID: 'docker:////w1-md-1', clusterName: 'w1', version: 'v1.35.4' }

// Each answer is waited for while the engine never answers: a handler that waited for it would not answer.
async function expectAnswerInTime(answer: Promise<unknown>) {
  waits.length = 0
  const given = await answer
  expect(waits.reduce((sum, wait) => sum + wait, 0)).toBeLessThanOrEqual(enoughSeconds)
  return given
}

test.each(['control-plane', 'worker'])('UpdateMachine of a %s answers in time', async (role) => {
  const { post } = serve({ engine: silent(), clock })
  for (let i = 0; i < 3; i++) {
    const answer = post(paths.updateMachine, captured(`update-machine.${role}`).body)
    expect(await expectAnswerInTime(answer)).toMatchObject({
      status: 200,
      body: { status: 'Success', message: observingMessage, retryAfterSeconds: 1 },
    })
  }
})

test('start and sync answer in time', async () => {
  const { post } = serve({ engine: silent(), clock })
  expect(await expectAnswerInTime(post('/v1/start', start, bearer))).toMatchObject({ status: 202 })
  expect(await expectAnswerInTime(post('/v1/sync', start, bearer))).toMatchObject({
    status: 200,
    body: { phase: 'InProgress' },
  })
})

test('CanUpdateMachine, CanUpdateMachineSet and discovery do not wait at all', async () => {
  const { post } = serve({ engine: silent(), clock })
  await expectAnswerInTime(post(paths.canUpdateMachine, asked.machine()))
  await expectAnswerInTime(post(paths.canUpdateMachineSet, asked.machineSet()))
  await expectAnswerInTime(post(paths.discovery, captured('discovery').body))
  expect(waits).toEqual([])
})

test('an engine that cannot be reached is in progress: the same message each time, and when to call again', async () => {
  const unreachable = async () => {
    throw new UpgradeError('ENGINE_UNREACHABLE')
  }
  const { post } = serve({ engine: silent({ inspect: unreachable }), clock })
  for (let i = 0; i < 3; i++) {
    const answer = await expectAnswerInTime(post(paths.updateMachine, captured('update-machine.worker').body))
    expect(answer).toMatchObject({
      status: 200,
      body: { status: 'Success', message: new UpgradeError('ENGINE_UNREACHABLE').message },
    })
    expect((answer as { body: { retryAfterSeconds: number } }).body.retryAfterSeconds).toBeGreaterThan(0)
  }
})
