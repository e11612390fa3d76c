import { describe, expect, test } from 'vitest'
import { change } from '../../../src/machine/change.ts'
import { machineOn, stateDirectory } from '../../../src/machine/machine.ts'
import type { Section } from '../../../src/machine/observation.ts'
import { observe } from '../../../src/machine/observe.ts'
import { begun, lineOf } from '../../../src/upgrade/attempt.ts'
import { tidy } from '../../../src/upgrade/steps/tidy.ts'
import { type Lab, startQuickLab } from '../../fake-docker/lab.ts'
import type { SimulatedMachine } from '../../fake-docker/machine.ts'
import { target } from '../../fake-docker/release.ts'
import { situationOf } from '../../upgrade/walk.ts'
import { changeCases } from './change-cases.ts'
import { mirrorOf } from './mirror.ts'
import { realMachine } from './real-machine.ts'

// src/ cannot distinguish the simulated machine from the shell files on a real root.
const sections: Section[] = ['host', 'kubelet', 'pods', 'manifests', 'units', 'work', 'space', 'etcd']
const work = `${stateDirectory}/work`
const unit = 'capd-kubeadm-upgrader-binaries'
const paths = ['/version', '/readyz', '/api/v1/nodes/w-1', '/api/v1/nodes/w-9']

function simulated(lab: Lab, name: string) {
  const { role } = lab.machine(name)
  return machineOn(lab.engine, { name, cluster: 'lab', role })
}

const worlds: [what: string, name: string, change: (machine: SimulatedMachine, lab: Lab) => void][] = [
  ['a control plane machine', 'cp-1', () => {}],
  ['a worker', 'w-1', () => {}],
  ['a kubelet that does not run', 'w-1', ({ kubelet }) => Object.assign(kubelet, { pid: 0, restarts: 9 })],
  ['a kubelet that is not healthy', 'w-1', ({ kubelet }) => Object.assign(kubelet, { healthy: false })],
  ['a kubelet that was started a moment ago', 'w-1', (machine, { clock }) => [machine.restartKubelet(), clock.pass(3)]],
  ['containerd that does not answer', 'cp-1', (machine) => Object.assign(machine, { containerdAnswers: false })],
  ['no container', 'w-1', ({ containers }) => containers.clear()],
  [
    'static pods that were started a moment ago',
    'cp-1',
    (machine, { clock }) => [machine.restartStaticPods(), clock.pass(4)],
  ],
  ['a missing manifest', 'cp-1', (machine) => machine.removeManifest('kube-apiserver')],
  ['etcd elsewhere', 'cp-1', (machine) => [machine.removeManifest('etcd'), machine.removeDirectory('/var/lib/etcd')]],
  ['etcd that is not healthy', 'cp-1', (machine) => Object.assign(machine, { etcdHealthy: false })],
  ['an API server that does not answer', 'cp-1', ({ apiServer }) => Object.assign(apiServer ?? {}, { answers: false })],
  ['an API server that is not ready', 'cp-1', ({ apiServer }) => Object.assign(apiServer ?? {}, { ready: false })],
  ['no CA', 'w-1', (machine) => Object.assign(machine, { ca: '' })],
  ['little space', 'w-1', (machine) => Object.assign(machine, { freeMiB: 1 })],
  ['a record', 'w-1', ({ files }) => files.set(`${stateDirectory}/attempt.json`, '{"format":1}\n')],
  ['a record that is cut off', 'w-1', ({ files }) => files.set(`${stateDirectory}/attempt.json`, '{"form')],
  ['an empty record', 'w-1', ({ files }) => files.set(`${stateDirectory}/attempt.json`, '')],
  [
    'a work directory',
    'w-1',
    ({ files }) => {
      files.set(`${work}/key`, 'v1.35.4 with files 0123\n')
      files.set(`${work}/images.list`, 'registry/a:1\nregistry/b:1\n')
      files.set(`${work}/images.failed`, 'lacks registry/b:1\n')
      files.set(`${work}/bin.failed`, 'lacks /usr/bin/kubelet\n')
      files.set(`${work}/bin/kubeadm`, target)
    },
  ],
  [
    'files that were written',
    'w-1',
    ({ files }) => {
      files.set(`${stateDirectory}/files/applied/etc/a/b:c`, 'sha-1\n')
      files.set(`${stateDirectory}/files/applied/etc/d e`, 'sha-2\n')
    },
  ],
  ['a unit that runs', 'w-1', ({ units }) => units.start(unit, 'binaries', 60, () => ({ exitCode: 0, log: '' }))],
  [
    'a unit that has succeeded, next to another',
    'w-1',
    ({ units }, { clock }) => {
      units.start(unit, 'binaries', 60, () => ({ exitCode: 0, log: '' }))
      clock.pass(10)
      units.start('capd-kubeadm-upgrader-images', 'images', 60, () => ({ exitCode: 0, log: '' }))
    },
  ],
  [
    'a unit that has failed',
    'w-1',
    ({ units }, { clock }) => {
      units.start(unit, 'binaries', 60, () => ({ exitCode: 41, log: 'fetching\nfailed: kubeadm\n' }))
      clock.pass(10)
    },
  ],
  [
    'a unit that ran too long',
    'w-1',
    ({ units }, { clock }) => {
      units.hold('binaries')
      units.start(unit, 'binaries', 60, () => ({ exitCode: 0, log: '' }))
      clock.pass(100)
    },
  ],
]

describe.skipIf(process.platform !== 'linux')('observe.sh and its twin', () => {
  test.each(worlds)('agree on %s (%s)', async (_, name, prepare) => {
    const lab = startQuickLab('cp-1', 'w-1')
    prepare(lab.machine(name), lab)
    const root = mirrorOf(lab, name, paths)
    const real = await observe(realMachine(root, lab.machine(name).role), { sections, api: paths })
    expect(real).toEqual(await observe(simulated(lab, name), { sections, api: paths }))
  })

  test('agree on what a look without sections gives', async () => {
    const lab = startQuickLab('w-1')
    lab.machine('w-1').files.set(`${work}/key`, 'x')
    const real = await observe(realMachine(mirrorOf(lab, 'w-1')), { sections: [] })
    expect(real).toEqual(await observe(simulated(lab, 'w-1'), { sections: [] }))
  })
})

describe.skipIf(process.platform !== 'linux')('change.sh and its twin', () => {
  test.each(changeCases)('agree on $what: $gives', async ({ change: wanted, prepare, seen, gives }) => {
    const lab = startQuickLab('cp-1')
    const machine = lab.machine('cp-1')
    const before = lineOf(await recordOf(lab, 'before'))
    machine.files.set(`${stateDirectory}/attempt.json`, `${before}\n`)
    prepare?.(machine, lab)
    const host = simulated(lab, 'cp-1')
    const record = lineOf(await recordOf(lab, 'after'))
    const { recordDigest } = await observe(host, { sections: [] })
    const root = mirrorOf(lab, 'cp-1')
    const swap = { seen: seen ?? recordDigest, record }
    const real = realMachine(root, 'control-plane')
    const [one, other] = [await change(real, swap, wanted), await change(host, swap, wanted)]
    expect(one).toEqual(other)
    expect(one.kind).toBe(gives)
    const seenNow = await observe(real, { sections })
    expect(seenNow).toEqual(await observe(host, { sections }))
    expect(seenNow.record).toBe(`${gives === 'made' ? record : before}\n`)
  })
})

async function recordOf(lab: Lab, key: string) {
  const { observation } = await situationOf(lab, 'cp-1', tidy)
  const identity = { cluster: 'lab', role: 'control-plane', cas: [], pinned: false }
  return begun({ identity, request: { key, target, settings: {} } }, undefined, observation)
}
