import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test, vi } from 'vitest'
import { locate } from '../../src/machine/locate.ts'
import { begun, lineOf } from '../../src/upgrade/attempt.ts'
import { Session } from '../../src/upgrade/session.ts'
import { caCertificate, caPin } from '../fake-docker/ca.ts'
import { type Lab, startQuickLab } from '../fake-docker/lab.ts'
import { toolsOf } from './walk.ts'

const otherPin = `sha256:${'0'.repeat(64)}`
const another = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'

// A session on w-1 with a request that names these hashes of CAs, after the first look.
async function sessionOn(lab: Lab, pins: string[]): Promise<Session> {
  const located = await locate(lab.engine, { container: 'w-1', cluster: 'lab' })
  const session = new Session(located, pins, toolsOf(lab))
  await session.know({ sections: [] })
  return session
}

// Leaves the record of an attempt in the machine.
async function remember(lab: Lab, { cluster = 'lab', pinned = false }): Promise<void> {
  const { observation } = await sessionOn(lab, [])
  const identity = { cluster, role: 'worker', cas: [caPin], pinned }
  const record = begun({ identity, request: { key: 'k', target: 'v1.35.4', settings: {} } }, undefined, observation)
  lab.machine('w-1').files.set('/var/lib/capd-kubeadm-upgrader/attempt.json', `${lineOf(record)}\n`)
}

test.each([
  ['the CA that the Machine names', caCertificate, [otherPin, caPin]],
  ['it, in upper case, which kubeadm takes', caCertificate, [`sha256:${caPin.slice(7).toUpperCase()}`]],
  ['it next to another one, as while they are exchanged', `# the old one\n${another}${caCertificate}`, [caPin]],
  ['any, where the Machine names none', caCertificate, []],
  ['none, where the Machine names none', '', []],
])('a machine is the one when it trusts %s', async (_, ca, pins) => {
  const lab = startQuickLab('w-1')
  lab.machine('w-1').ca = ca
  expect((await sessionOn(lab, pins)).located.machine.name).toBe('w-1')
})

test.each([
  ['none', '', [caPin]],
  ['what is no certificate', 'not a certificate', [caPin]],
  ['that of another cluster of the same name', caCertificate, [otherPin]],
])('CONTAINER_CA: a machine is refused when its CA is %s', async (_, ca, pins) => {
  const lab = startQuickLab('w-1')
  lab.machine('w-1').ca = ca
  await expect(sessionOn(lab, pins)).rejects.toMatchObject({ code: 'CONTAINER_CA' })
  expect(lab.machine('w-1').effects).toEqual([])
})

test('CONTAINER_CA: where a request has named the CA, one that does not is refused', async () => {
  const lab = startQuickLab('w-1')
  await remember(lab, { pinned: true })
  await expect(sessionOn(lab, [])).rejects.toMatchObject({ code: 'CONTAINER_CA' })
  expect((await sessionOn(lab, [caPin])).isPinned).toBe(true)
})

test('CONTAINER_OF_OTHER_CLUSTER: the machine remembers another one', async () => {
  const lab = startQuickLab('w-1')
  await remember(lab, { cluster: 'another' })
  await expect(sessionOn(lab, [caPin])).rejects.toMatchObject({ code: 'CONTAINER_OF_OTHER_CLUSTER' })
})

test('what is known holds until time has passed or something was changed', async () => {
  const lab = startQuickLab('w-1')
  const session = await sessionOn(lab, [])
  const looks = () => lab.machine('w-1').commands.length
  const before = looks()
  await session.know({ sections: [] })
  expect(looks()).toBe(before)
  await session.know({ sections: ['kubelet'] })
  await session.know({ sections: ['kubelet'] })
  expect(looks()).toBe(before + 1)
  session.forget()
  await session.know({ sections: [] })
  expect(looks()).toBe(before + 2)
})

test('between two looks the record is kept, and nothing of the observation, which can have megabytes', async () => {
  const lab = startQuickLab('w-1')
  await remember(lab, {})
  const session = await sessionOn(lab, [])
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc')
  const observation = new WeakRef(session.observation)
  session.forget()
  const isCollected = () => {
    collect()
    return observation.deref() === undefined
  }
  await vi.waitUntil(isCollected, { timeout: 30_000 })
  expect(session.record?.request.key).toBe('k')
})
