import { describe, expect, test } from 'vitest'
import { decide } from '../../src/decide/decide.ts'
import type { Role } from '../../src/kubernetes/versions.ts'
import { question } from './questions.ts'

// What becomes of a version change: 'in place', or the code of the reason why not.
function verdict(role: Role, from: string | undefined, to: string | undefined) {
  const { accepted, declined } = decide(question({ role, versions: [from, to] }))
  return declined.length === 0 ? accepted.map(() => 'in place').join() : declined.map(({ code }) => code).join()
}

describe('a control plane machine', () => {
  test.each([
    ['v1.34.4', 'v1.34.5', 'in place'],
    ['v1.34.4', 'v1.35.0', 'in place'],
    ['v1.34.4', 'v1.35.0-rc.1', 'in place'],
    ['v1.35.0-rc.1', 'v1.35.0', 'in place'],
    ['v1.34.4', 'v1.36.0', 'VERSION_SKIPS_MINOR'],
    ['v1.34.4', 'v1.34.3', 'VERSION_DOWN'],
    ['v1.35.0', 'v1.34.9', 'VERSION_DOWN'],
    ['v1.35.0', 'v1.35.0-rc.1', 'VERSION_DOWN'],
  ])('from %s to %s: %s', (from, to, expected) => {
    expect(verdict('control-plane', from, to)).toBe(expected)
  })
})

describe('a worker machine', () => {
  test.each([
    ['v1.34.4', 'v1.34.5', 'in place'],
    ['v1.34.4', 'v1.35.0', 'in place'],
    ['v1.33.0', 'v1.36.2', 'in place'],
    ['v1.34.4', 'v1.34.3', 'VERSION_DOWN'],
    ['v1.36.0', 'v1.35.9', 'VERSION_DOWN'],
  ])('from %s to %s: %s', (from, to, expected) => {
    expect(verdict('worker', from, to)).toBe(expected)
  })
})

describe('a version that names no Kubernetes release is declined, so that the machine is replaced', () => {
  test.each([
    ['without v', '1.35.4'],
    ['with build metadata', 'v1.35.4+build.1'],
    ['of a vendor', 'v1.35.4-k0s.0'],
    ['that holds another version', 'v1.35.4-v1.36.0'],
    ['with a long pre-release', `v1.35.4-rc.${'1'.repeat(300)}`],
    ['of another major', 'v2.0.0'],
    ['of two numbers', 'v1.35'],
    ['with a leading zero', 'v1.035.4'],
    ['with a path in it', 'v1.35.4/../v1.35.4'],
    ['with a newline', 'v1.35.4\n'],
    ['empty', ''],
    ['absent', undefined],
  ])('%s', (_, version) => {
    expect(verdict('worker', 'v1.34.4', version)).toBe('VERSION_FORM')
    expect(verdict('control-plane', version, 'v1.35.4')).toBe('VERSION_FORM')
  })
})

test('the same version on both sides is no change: nothing is accepted and nothing is declined', () => {
  const { accepted, declined } = decide(question({ versions: ['v1.35.4', 'v1.35.4'] }))
  expect({ accepted, declined }).toEqual({ accepted: [], declined: [] })
})
