import { expect, test } from 'vitest'
import { certificateHashes, locate, type MachineReference } from '../../src/machine/locate.ts'
import { caCertificate, caPin } from '../fake-docker/ca.ts'
import type { FakeContainer } from '../fake-docker/container.ts'
import { startLab } from '../fake-docker/lab.ts'
import { Refusal } from '../fake-docker/reply.ts'

// A cluster whose container w-1 is changed like this, and the attempt to locate it.
async function located(change: Partial<FakeContainer>, whereabouts: Partial<MachineReference> = {}) {
  const lab = await startLab('cp-1', 'w-1')
  Object.assign(lab.fake.container('w-1'), change)
  const machine = locate(lab.engine, { container: 'w-1', cluster: 'lab', role: 'worker', ...whereabouts })
  return { lab, machine }
}

const labels = (cluster: string, role: string) => ({
  'io.x-k8s.kind.cluster': cluster,
  'io.x-k8s.kind.role': role,
})

test('a machine is found with its role and cluster', async () => {
  const { machine } = await located({})
  expect(await machine).toMatchObject({
    machine: { name: 'w-1', cluster: 'lab', role: 'worker' },
    varVolume: 'var-of-w-1',
  })
})

test("where the role is not known it is the container's", async () => {
  const { machine } = await located({}, { container: 'cp-1', role: undefined })
  expect(await machine).toMatchObject({ machine: { name: 'cp-1', role: 'control-plane' } })
})

test.each<[string, Partial<FakeContainer>, Partial<MachineReference>]>([
  ['CONTAINER_MISSING', {}, { container: 'w-9' }],
  ['CONTAINER_OF_OTHER_CLUSTER', { labels: labels('other', 'worker') }, {}],
  ['CONTAINER_OF_OTHER_CLUSTER', { labels: {} }, {}],
  ['CONTAINER_OF_OTHER_CLUSTER', {}, { cluster: 'other' }],
  ['CONTAINER_ROLE', { labels: labels('lab', 'control-plane') }, {}],
  ['CONTAINER_ROLE', {}, { role: 'control-plane' }],
  ['CONTAINER_ROLE', { labels: labels('lab', 'external-load-balancer') }, {}],
  ['CONTAINER_ROLE', { labels: labels('lab', 'external-load-balancer') }, { role: undefined }],
  ['CONTAINER_HOSTNAME', { hostname: 'another' }, {}],
  ['CONTAINER_PAUSED', { paused: true }, {}],
  ['CONTAINER_STOPPED', { running: false }, {}],
])('%s: container %j, requested as %j', async (code, change, whereabouts) => {
  const { lab, machine } = await located(change, whereabouts)
  await expect(machine).rejects.toMatchObject({ code })
  expect(lab.fake.requests.every((request) => request.startsWith('GET '))).toBe(true)
})

test('a container that is the wrong one is not said to be paused or stopped', async () => {
  const { machine } = await located({ labels: labels('other', 'worker'), paused: true, running: false })
  await expect(machine).rejects.toMatchObject({ code: 'CONTAINER_OF_OTHER_CLUSTER' })
})

test('CONTAINER_NAME: an id is not accepted in place of the name, however much of the container is right', async () => {
  const { machine } = await located({ id: 'abcdef012345' }, { container: 'abcdef012345' })
  await expect(machine).rejects.toMatchObject({
    code: 'CONTAINER_NAME',
    values: { name: 'abcdef012345', actual: 'w-1' },
  })
})

test('an engine that does not answer shows nothing of the container', async () => {
  const lab = await startLab('w-1')
  lab.fake.fault = () => new Refusal(503, 'starting')
  const machine = locate(lab.engine, { container: 'w-1', cluster: 'lab' })
  await expect(machine).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' })
})

test('a machine without a volume at /var is found, too', async () => {
  const { machine } = await located({ mounts: [] })
  expect((await machine).varVolume).toBeUndefined()
})

test('a machine is found without a command in it', async () => {
  const { lab, machine } = await located({})
  await machine
  expect(lab.machine('w-1').commands).toEqual([])
})

const another = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'

test.each([
  ['a certificate', caCertificate, [caPin]],
  ['what is no certificate', 'not a certificate', []],
  ['nothing', '', []],
  ['a certificate that is cut off', caCertificate.slice(0, 200), []],
  ['several certificates, as while they are exchanged', `# the old one\n${another}${caCertificate}`, [caPin]],
  ['the same one twice', caCertificate + caCertificate, [caPin, caPin]],
])("kubeadm's hashes of %s", (_, bundle, hashes) => {
  expect(certificateHashes(bundle)).toEqual(hashes)
})

test('of a bundle of thousands of certificates only the first are read', () => {
  expect(certificateHashes(caCertificate.repeat(100_000))).toEqual(Array(20).fill(caPin))
})
