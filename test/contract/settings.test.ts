import { describe, expect, test } from 'vitest'
import { readSettings, settings } from '../../src/contract/settings.ts'

test('without settings every one has its default', () => {
  expect(readSettings()).toEqual({
    addons: 'kcp',
    changes: 'all',
    disableInPlaceUpdates: 'false',
    exchange: 'together',
    inMemory: 'no-opinion',
    loadBalancer: 'drain',
    fault: 'none',
  })
  expect(readSettings({})).toEqual(readSettings())
})

describe.each(Object.entries(settings))('the setting %s', (key, { enum: values, default: usual }) => {
  test.each([...values])('may be %s', (value) => {
    expect(readSettings({ [key]: value })).toEqual({ ...readSettings(), [key]: value })
  })

  test('has a default that is one of its values', () => {
    expect(values).toContain(usual)
  })

  test.each(['', 'KCP', 'yes', 'none '])('may not be %j, and the error names the key and what it may be', (value) => {
    const expected = { code: 'SETTING_VALUE', values: { key, allowed: values.join(', ') } }
    expect(() => readSettings({ [key]: value })).toThrow(expect.objectContaining(expected))
  })
})

// Source: CAPI v1.14.2 test/e2e/cluster_upgrade_runtimesdk.go (extensionConfig).
test("the settings of Cluster API's own test are known, and two of them are ignored", () => {
  const given = { extensionConfigName: 'k8s-upgrade-with-runtimesdk', defaultAllHandlersToBlocking: 'true' }
  expect(readSettings({ ...given, disableInPlaceUpdates: 'true' })).toEqual({
    ...readSettings(),
    disableInPlaceUpdates: 'true',
  })
})

test.each(['addon', 'Fault', '', '__proto__', 'constructor', 'toString'])('there is no setting %j', (key) => {
  const given = JSON.parse(`{${JSON.stringify(key)}: "kcp"}`)
  const expected = { code: 'SETTING_UNKNOWN', values: { key } }
  expect(() => readSettings(given)).toThrow(expect.objectContaining(expected))
})
