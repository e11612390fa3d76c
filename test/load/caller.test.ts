import { expect, test } from 'vitest'
import { progressIn } from './caller.ts'

function answer(content: object) {
  return { status: 200, body: JSON.stringify(content) }
}

test('the answer of a machine that is under way has its progress', () => {
  expect(progressIn(answer({ status: 'Success', message: 'm', retryAfterSeconds: 7 }))).toMatchObject({
    message: 'm',
    retryAfterSeconds: 7,
  })
})

test('a step that a slow computer does not finish in time is tried again, as Cluster API does', () => {
  const { retryAfterSeconds } = progressIn(answer({ status: 'Failure', message: 'Too slow. (STEP_TIME_LIMIT)' }))
  expect(retryAfterSeconds).toBeGreaterThan(0)
})

test('every other failure ends the load', () => {
  const failure = answer({ status: 'Failure', message: 'No. (KUBEADM_FAILED)' })
  expect(() => progressIn(failure)).toThrow('KUBEADM_FAILED')
  expect(() => progressIn({ ...failure, status: 503 })).toThrow('503')
})
