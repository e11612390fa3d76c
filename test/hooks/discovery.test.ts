import { expect, test } from 'vitest'
import { answerDiscovery } from '../../src/hooks/discovery.ts'

interface Handler {
  name: string
  requestHook: { apiVersion: string; hook: string }
  timeoutSeconds: number
  failurePolicy: string
}

const handlers = answerDiscovery().handlers as Handler[]

test('discovery names each of the three in-place hooks exactly once', () => {
  const named = handlers.map(({ requestHook }) => requestHook.hook)
  expect(named.sort()).toEqual(['CanUpdateMachine', 'CanUpdateMachineSet', 'UpdateMachine'])
})

test('discovery keeps the rules that Cluster API has for handlers', () => {
  for (const { name, timeoutSeconds, failurePolicy, requestHook } of handlers) {
    expect(name).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/)
    expect(timeoutSeconds).toBeGreaterThan(0)
    expect(timeoutSeconds).toBeLessThanOrEqual(30)
    expect(failurePolicy).toBe('Fail')
    expect(requestHook.apiVersion).toBe('hooks.runtime.cluster.x-k8s.io/v1alpha1')
  }
  expect(new Set(handlers.map(({ name }) => name)).size).toBe(handlers.length)
})

test('discovery answers the same each time, in the same order', () => {
  expect(JSON.stringify(answerDiscovery())).toBe(JSON.stringify(answerDiscovery()))
})
