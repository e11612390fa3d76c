import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { UpdateMachineRequest } from '../../src/contract/objects.ts'
import { readSettings } from '../../src/contract/settings.ts'
import { closedPlaces } from '../../src/kubernetes/file-places.ts'
import { taskOfMachine, taskOfStart } from '../../src/upgrade/task.ts'

// What CAPI v1.14.2 really sent.
function sent(role: 'worker' | 'control-plane'): UpdateMachineRequest {
  const file = new URL(`../fixtures/capi-v1.14.2/update-machine.${role}.json`, import.meta.url)
  return JSON.parse(readFileSync(file, 'utf8')).body
}

test("a worker's task says all that can be checked of its container", () => {
  expect(taskOfMachine(sent('worker'))).toEqual({
    container: 'w1-md-kk9g6-6vljf',
    cluster: 'w1',
    role: 'worker',
    version: 'v1.35.4',
    caCertHashes: ['sha256:6cced675a1636e55e1abca3150c1fc73bbcef3c20f0a1f0054fa41de9d0dc2ab'],
    files: { wanted: [], closed: [...closedPlaces] },
    key: 'v1.35.4',
    simulated: false,
    settings: readSettings(),
  })
})

test('UPDATES_DISABLED, with disableInPlaceUpdates, by the hook and by start and sync', () => {
  const settings = { disableInPlaceUpdates: 'true' }
  const expected = expect.objectContaining({ code: 'UPDATES_DISABLED', answer: 'failure' })
  expect(() => taskOfMachine({ ...sent('worker'), settings })).toThrow(expected)
  const start = { providerID: 'docker:////m', clusterName: 'c', version: 'v1.35.4' }
  expect(() => taskOfStart({ ...start, settings })).toThrow(expected)
  expect(taskOfStart({ ...start, settings: { disableInPlaceUpdates: 'false' } })).toMatchObject({ container: 'm' })
})

test('a control plane machine is one by its label', () => {
  expect(taskOfMachine(sent('control-plane'))).toMatchObject({
    container: 'w1-cp-qslx5',
    role: 'control-plane',
  })
})

type Change = (request: UpdateMachineRequest) => void

test.each<[string, string, Change]>([
  ['VERSION_MISSING', 'there is none', ({ desired }) => delete desired.machine.spec.version],
  ['VERSION_MISSING', 'it is empty', ({ desired }) => Object.assign(desired.machine.spec, { version: '' })],
  ['VERSION_FORM', 'it is a word', ({ desired }) => Object.assign(desired.machine.spec, { version: 'latest' })],
  ['VERSION_FORM', 'v is missing', ({ desired }) => Object.assign(desired.machine.spec, { version: '1.35.4' })],
  ['VERSION_FORM', 'it is short', ({ desired }) => Object.assign(desired.machine.spec, { version: 'v1.35' })],
  [
    'VERSION_FORM',
    'it has build metadata',
    ({ desired }) => Object.assign(desired.machine.spec, { version: 'v1.35.4+vendor.1' }),
  ],
  [
    'VERSION_FORM',
    'it has shell characters',
    ({ desired }) => Object.assign(desired.machine.spec, { version: 'v1.35.4;reboot' }),
  ],
  [
    'VERSION_FORM',
    'it leads upwards',
    ({ desired }) => Object.assign(desired.machine.spec, { version: 'v1.35.4/../x' }),
  ],
  ['PROVIDER_ID_MISSING', 'there is none', ({ desired }) => delete desired.machine.spec.providerID],
  [
    'PROVIDER_ID_FORM',
    'it is of another form',
    ({ desired }) => Object.assign(desired.machine.spec, { providerID: 'docker://w1-md' }),
  ],
  [
    'BACKEND_UNSUPPORTED',
    'the machine is in memory',
    ({ desired }) => Object.assign(desired.infrastructureMachine, { spec: { backend: { inMemory: { vm: {} } } } }),
  ],
  [
    'BACKEND_UNSUPPORTED',
    "the machine is another provider's",
    ({ desired }) => Object.assign(desired.infrastructureMachine, { kind: 'AWSMachine' }),
  ],
  [
    'BOOTSTRAP_UNSUPPORTED',
    "the bootstrap object is another provider's",
    ({ desired }) => Object.assign(desired.bootstrapConfig ?? {}, { kind: 'K0sWorkerConfig' }),
  ],
  ['SETTING_UNKNOWN', 'a setting has a typo', (request) => Object.assign(request, { settings: { addon: 'kcp' } })],
  ['SETTING_VALUE', 'a setting has no such value', (request) => Object.assign(request, { settings: { addons: 'x' } })],
])('%s, when %s', (code, _why, change) => {
  const request = sent('worker')
  change(request)
  expect(() => taskOfMachine(request)).toThrow(expect.objectContaining({ code }))
})

test('B06: CONFIG_UNSUPPORTED, when a control plane machine has an external etcd', () => {
  const spec = { clusterConfiguration: { etcd: { external: { endpoints: [] } } } }
  const [request, other] = [sent('control-plane'), sent('worker')]
  for (const { desired } of [request, other]) Object.assign(desired.bootstrapConfig ?? {}, { spec })
  expect(() => taskOfMachine(request)).toThrow(expect.objectContaining({ code: 'CONFIG_UNSUPPORTED' }))
  expect(taskOfMachine(other).role).toBe('worker')
})

test('a machine in memory has a task only where the setting allows it, and a name that no container can have', () => {
  const request = sent('worker')
  Object.assign(request.desired.infrastructureMachine, { spec: { backend: { inMemory: {} } } })
  request.desired.machine.spec.providerID = 'in-memory://w1-md'
  const path = '/tmp/test'
  Object.assign(request.desired.bootstrapConfig ?? {}, { spec: { files: [{ path, content: 'a' }] } })
  request.settings = { inMemory: 'no-opinion' }
  expect(() => taskOfMachine(request)).toThrow(expect.objectContaining({ code: 'BACKEND_UNSUPPORTED' }))
  request.settings = { inMemory: 'simulate' }
  expect(taskOfMachine(request)).toMatchObject({
    simulated: true,
    container: `${request.desired.machine.metadata.namespace}/w1-md-kk9g6-6vljf`,
    files: { wanted: [{ path }], closed: [] },
  })
})

test('CA hashes that are no strings, or no list, are no hashes', () => {
  const request = sent('worker')
  const join = (caCertHashes: unknown) => ({
    joinConfiguration: { discovery: { bootstrapToken: { caCertHashes } } },
  })
  Object.assign(request.desired.bootstrapConfig ?? {}, { spec: join([1, 'sha256:abc', null]) })
  expect(taskOfMachine(request).caCertHashes).toEqual(['sha256:abc'])
  Object.assign(request.desired.bootstrapConfig ?? {}, { spec: join('sha256:abc') })
  expect(taskOfMachine(request).caCertHashes).toEqual([])
  delete request.desired.bootstrapConfig
  expect(taskOfMachine(request).caCertHashes).toEqual([])
})

test('start and sync name a task with the same checks', () => {
  const asked = { providerID: 'docker:////w-1', clusterName: 'lab', version: 'v1.35.4' }
  expect(taskOfStart(asked)).toEqual({
    container: 'w-1',
    cluster: 'lab',
    role: undefined,
    version: 'v1.35.4',
    caCertHashes: [],
    files: { wanted: [], closed: [...closedPlaces] },
    key: 'v1.35.4',
    simulated: false,
    settings: readSettings(),
  })
  expect(taskOfStart({ ...asked, role: 'worker' }).role).toBe('worker')
  expect(() => taskOfStart({ ...asked, version: 'v1.35' })).toThrow(expect.objectContaining({ code: 'VERSION_FORM' }))
  expect(() => taskOfStart({ ...asked, providerID: 'w-1' })).toThrow(
    expect.objectContaining({ code: 'PROVIDER_ID_FORM' }),
  )
})

describe("kubeadm's patches", () => {
  const withSpec = (spec: object) => {
    const request = sent('control-plane')
    Object.assign(request.desired.bootstrapConfig ?? {}, { spec })
    return request
  }
  const patches = (directory: string) => ({ patches: { directory } })

  test.each(['all', 'version'])('their directory is part of the task with changes: %s', (changes) => {
    const request = { ...withSpec({ initConfiguration: patches('/etc/kubernetes/patches') }), settings: { changes } }
    expect(taskOfMachine(request).patches).toBe('/etc/kubernetes/patches')
  })

  test.each([
    'a',
    '/a/',
    '/a b',
    "/p\nend-of-input\nid >/etc/pwned\n: <<'end-of-input'",
  ])('CONFIG_UNSUPPORTED, when their directory is %j', (directory) => {
    const request = withSpec({ joinConfiguration: patches(directory) })
    expect(() => taskOfMachine(request)).toThrow(expect.objectContaining({ code: 'CONFIG_UNSUPPORTED' }))
  })
})

describe('start and sync', () => {
  const asked = { providerID: 'docker:////w-1', clusterName: 'lab', version: 'v1.35.4' }

  test("may name the directory of kubeadm's patches", () => {
    expect(taskOfStart({ ...asked, patchesDirectory: '/etc/kubernetes/patches' }).patches).toBe(
      '/etc/kubernetes/patches',
    )
    expect(taskOfStart(asked).patches).toBeUndefined()
  })

  test.each(['', 'a', '/a/', '/a b', '/a\n'])('may not name it %j', (patchesDirectory) => {
    expect(() => taskOfStart({ ...asked, patchesDirectory })).toThrow(
      expect.objectContaining({ code: 'REQUEST_INVALID' }),
    )
  })
})
