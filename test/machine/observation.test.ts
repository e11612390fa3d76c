import { expect, test } from 'vitest'
import { parseObservation } from '../../src/machine/observation-document.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')
const done = (...lines: string[]) => ({ exitCode: 0, text: base64(lines.join('\n')) })
const failed = (text: string) => ({ exitCode: 1, text: base64(text) })
const always = { bootId: 'boot', uptime: 100.5, now: 1767225600, recordDigest: '' }

function observed(document: object) {
  return parseObservation(`${JSON.stringify({ ...always, ...document })}\n`)
}

test('a machine of which nothing else was observed', () => {
  expect(observed({})).toMatchObject({
    ...always,
    record: '',
    ca: '',
    kubelet: { pid: 0, restarts: 0, version: '', ageSeconds: 0, healthy: false },
    pods: undefined,
    hasEtcdData: false,
    units: [],
    unitLog: '',
    etcdHealthy: undefined,
    work: { key: '', neededImages: undefined, binariesFailed: undefined, imagesFailed: undefined },
  })
})

test('a kubelet that runs', () => {
  const kubelet = done('MainPID=712', 'NRestarts=3', 'Version=Kubernetes v1.34.4', 'Age=60.25', 'Health=ok')
  expect(observed({ kubelet }).kubelet).toMatchObject({
    pid: 712,
    restarts: 3,
    version: 'v1.34.4',
    ageSeconds: 60.25,
    healthy: true,
  })
})

test('a kubelet that does not run has no version and is not healthy', () => {
  const { kubelet } = observed({ kubelet: done('MainPID=0', 'NRestarts=9') })
  expect(kubelet).toMatchObject({ pid: 0, restarts: 9, version: '', healthy: false })
})

test.each(['', '[+]ping ok', 'nok', 'ok then'])('a kubelet that answers %j is not healthy', (answer) => {
  expect(observed({ kubelet: done('MainPID=712', `Health=${answer}`) }).kubelet.healthy).toBe(false)
})

test('an age that is written with an exponent, as awk does with a large one', () => {
  expect(observed({ kubelet: done('MainPID=1', 'Age=1.23457e+06') }).kubelet.ageSeconds).toBe(1234570)
})

test('containers and images, by name or by digest', () => {
  const digest = `sha256:${'a'.repeat(64)}`
  const { pods } = observed({
    containers: done('abc 12.5 registry.k8s.io/etcd:3.6.5-0', `def 3 registry.k8s.io/pause@${digest}`),
    images: done(`registry.k8s.io/etcd:3.6.5-0 ${digest}`),
  })
  expect(pods).toEqual({
    containers: [
      { id: 'abc', image: 'registry.k8s.io/etcd:3.6.5-0', ageSeconds: 12.5 },
      { id: 'def', image: `registry.k8s.io/pause@${digest}`, ageSeconds: 3 },
    ],
    digests: new Map([['registry.k8s.io/etcd:3.6.5-0', digest]]),
  })
})

test.each([
  { containers: failed('refused'), images: done('a b') },
  { containers: done('a 1 b'), images: failed('refused') },
  { containers: done('a 1 b') },
])('of containerd nothing is known when half of it is: %j', (document) => {
  expect(observed(document).pods).toBeUndefined()
})

const pod = (image: string) => `kind: Pod\nspec:\n  containers:\n  - name: x\n    image: ${image}\n`

test.each([
  [pod('registry.k8s.io/etcd:3.6.5-0'), 'registry.k8s.io/etcd:3.6.5-0'],
  [pod('"quoted:1"'), 'quoted:1'],
  ['{"spec":{"containers":[{"image":"json:1"},{"image":"second:1"}]}}', 'json:1'],
  [`# image: commented:1\n${pod('real:1')}`, 'real:1'],
  [pod('cut').slice(0, -10), undefined],
  ['', undefined],
  ['spec: {containers: []}', undefined],
  ['spec: {containers: [{image: 1}]}', undefined],
  ['a: [', undefined],
  [`${pod('a:1')}---\n${pod('b:1')}`, undefined],
])('the image of the manifest %j', (manifest, image) => {
  const { manifests } = observed({ manifests: { '': '', 'etcd.yaml': base64(manifest) } })
  expect([...manifests]).toMatchObject([['etcd', { image }]])
})

const shown = (active: string, sub: string, job = '') => [
  'Id=capd-kubeadm-upgrader-x.service',
  `ActiveState=${active}`,
  `SubState=${sub}`,
  'Result=success',
  'ExecMainStatus=0',
  `Job=${job}`,
  'InvocationID=run-1',
]

// ActiveState and SubState, and what they mean here.
test.each([
  ['inactive', 'dead', '', undefined],
  ['inactive', 'dead', '17', 'running'],
  ['activating', 'start', '17', 'running'],
  ['active', 'running', '', 'running'],
  ['active', 'exited', '', 'succeeded'],
  ['deactivating', 'stop-sigterm', '', 'running'],
  ['failed', 'failed', '', 'failed'],
])('a unit that is %s (%s) with the job "%s" is %s', (active, sub, job, state) => {
  const { units } = observed({ units: done(...shown(active, sub, job)) })
  expect(units.map((unit) => unit.state)).toEqual(state === undefined ? [] : [state])
})

test('several units, in any order of their properties', () => {
  const other = shown('failed', 'failed').reverse().join('\n').replace('-x.', '-y.').replace('Status=0', 'Status=41')
  const { units } = observed({ units: done(...shown('active', 'running'), '', other) })
  expect(units).toEqual([
    { name: 'capd-kubeadm-upgrader-x', state: 'running', invocationId: 'run-1', exitCode: 0, result: 'success' },
    { name: 'capd-kubeadm-upgrader-y', state: 'failed', invocationId: 'run-1', exitCode: 41, result: 'success' },
  ])
})

test('files that were written, by path, whatever is in a path', () => {
  const directory = '/var/lib/capd-kubeadm-upgrader/files/applied'
  const { work } = observed({ applied: done(`${directory}/etc/a:b c:d1`, `${directory}/opt/applied/x:d2`) })
  expect(Object.fromEntries(work.appliedFiles)).toEqual({ '/etc/a:b c': 'd1', '/opt/applied/x': 'd2' })
})

test.each([
  ['{"health":"true","reason":""}', true],
  ['{"health":"false","reason":"QGET ERROR:etcdserver: request timed out"}', false],
  ['', false],
])('etcd answers %j', (answer, healthy) => {
  expect(observed({ etcd: done(answer) }).etcdHealthy).toBe(healthy)
})

test('etcd that does not answer is not healthy', () => {
  expect(observed({ etcd: failed('curl: (7) Failed to connect') }).etcdHealthy).toBe(false)
})

const whole = JSON.stringify({ ...always, record: base64('x'), kubelet: done('MainPID=1'), api: [] })

test('OBSERVATION_INCOMPLETE: a document that is cut off, at any place', () => {
  for (let length = 0; length < whole.length; length += 1) {
    expect(() => parseObservation(whole.slice(0, length))).toThrow(
      expect.objectContaining({ code: 'OBSERVATION_INCOMPLETE', answer: 'progress' }),
    )
  }
  expect(parseObservation(whole).record).toBe('x')
})

test.each([
  'null',
  '[]',
  '{}',
  JSON.stringify({ ...always, bootId: '' }),
  JSON.stringify({ ...always, uptime: 'x' }),
  JSON.stringify({ ...always, kubelet: 'x' }),
  JSON.stringify({ ...always, kubelet: { exitCode: '0', text: '' } }),
  JSON.stringify({ ...always, api: [{ path: 'x' }] }),
  `${whole}${whole}`,
])('OBSERVATION_INCOMPLETE: %s', (text) => {
  expect(() => parseObservation(text)).toThrow(expect.objectContaining({ code: 'OBSERVATION_INCOMPLETE' }))
})
