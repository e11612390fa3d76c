import { expect, test } from 'vitest'
import { failureResponse, patchField, successResponse } from '../../src/contract/answers.ts'
import { UpgradeError } from '../../src/errors/upgrade-error.ts'

test('a patch is padded base64 of a JSON patch, as Go decodes a []byte', () => {
  for (const value of ['v1.35.4', 'v1.35.40', 'v1.35.400', 'ü>>???']) {
    const operations = [{ op: 'replace' as const, path: '/spec/version', value }]
    const { machinePatch } = patchField('machinePatch', operations) as { machinePatch: { patch: string } }
    expect(machinePatch.patch).toMatch(/^[A-Za-z0-9+/]+={0,2}$/)
    expect(machinePatch.patch.length % 4).toBe(0)
    expect(JSON.parse(Buffer.from(machinePatch.patch, 'base64').toString('utf8'))).toEqual(operations)
  }
})

test('without operations there is no patch field at all', () => {
  expect(patchField('machinePatch', [])).toEqual({})
})

test('a failure carries the message with its code, and nothing of what to do or of the cause', () => {
  const error = new UpgradeError('PROVIDER_ID_MISSING', {}, { cause: new Error('secret'), detail: 'secret' })
  expect(failureResponse('UpdateMachine', error)).toEqual({
    apiVersion: 'hooks.runtime.cluster.x-k8s.io/v1alpha1',
    kind: 'UpdateMachineResponse',
    status: 'Failure',
    message: 'The Machine has no spec.providerID. (PROVIDER_ID_MISSING)',
  })
})

test('a success can carry more fields', () => {
  expect(successResponse('UpdateMachine', 'm', { retryAfterSeconds: 2 })).toMatchObject({
    status: 'Success',
    retryAfterSeconds: 2,
  })
})
