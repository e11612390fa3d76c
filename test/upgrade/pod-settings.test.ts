import { describe, expect, test } from 'vitest'
import { verify } from '../../src/upgrade/steps/verify.ts'
import { type Lab, putAtTarget, startQuickLab } from '../fake-docker/lab.ts'
import type { SimulatedMachine } from '../fake-docker/machine.ts'
import { old, target } from '../fake-docker/release.ts'
import { begin, recordOf, situationOf, unitsOf, walk } from './walk.ts'

const argument = { name: 'max-requests-inflight', value: '401' }
const wanted = { spec: { clusterConfiguration: { apiServer: { extraArgs: [argument] } } } }
const flag = '--max-requests-inflight=401'

// A lab whose machines are at the target, and whose kubeadm-config has the argument, as Cluster API writes it.
function start(...names: string[]): { lab: Lab; machine: SimulatedMachine } {
  const lab = startQuickLab(...names)
  for (const name of names) putAtTarget(lab, name)
  lab.cluster.podArguments.set('kube-apiserver', [flag])
  return { lab, machine: lab.machine('cp-1') }
}

function containerOf({ containers }: SimulatedMachine, pod: string): string | undefined {
  return [...containers].find(([, image]) => image.includes(`/${pod}:`))?.[0]
}

const others = ['etcd', 'kube-controller-manager', 'kube-scheduler']

test('an argument changes at the same version, and the other static pods keep their containers', async () => {
  const { lab, machine } = start('cp-1', 'cp-2', 'cp-3')
  const before = others.map((pod) => containerOf(machine, pod))
  const old = containerOf(machine, 'kube-apiserver')
  const { run } = await walk(lab, 'cp-1', wanted)
  expect(run.progress).toMatchObject({ phase: 'Done', message: `at ${target}` })
  expect(machine.running.get('kube-apiserver')).toBe(`registry.k8s.io/kube-apiserver:${target} ${flag}`)
  expect(containerOf(machine, 'kube-apiserver')).not.toBe(old)
  expect(others.map((pod) => containerOf(machine, pod))).toEqual(before)
  expect(unitsOf(lab, 'cp-1')).toContain('exchange')
  expect(unitsOf(lab, 'cp-1')).not.toContain('kubelet')
})

test('what is asked for again does nothing', async () => {
  const { lab, machine } = start('cp-1')
  await walk(lab, 'cp-1', wanted)
  const before = machine.snapshot()
  const { run } = await walk(lab, 'cp-1', wanted)
  expect(run.progress.phase).toBe('Done')
  expect(machine.snapshot()).toEqual(before)
})

test('a machine that was made with the argument is left alone', async () => {
  const { lab, machine } = start('cp-1')
  machine.setManifest('kube-apiserver', `registry.k8s.io/kube-apiserver:${target} ${flag}`)
  machine.restartStaticPods()
  lab.clock.pass(60)
  const { run } = await walk(lab, 'cp-1', wanted)
  expect(run.progress.phase).toBe('Done')
  expect(machine.effects).toEqual([])
})

test('a broken argument ends with everything old, and the message names the component', async () => {
  const { lab, machine } = start('cp-1', 'cp-2')
  machine.brokenApiServers.add(`registry.k8s.io/kube-apiserver:${target} ${flag}`)
  const before = others.map((pod) => containerOf(machine, pod))
  const { run } = await walk(lab, 'cp-1', wanted)
  expect(run.progress).toMatchObject({ phase: 'Failed', error: { code: 'EXCHANGE_UNDONE' } })
  expect(run.progress.message).toContain('kube-apiserver')
  lab.clock.pass(10)
  expect(machine.running.get('kube-apiserver')).toBe(`registry.k8s.io/kube-apiserver:${target}`)
  expect(machine.apiServer).toMatchObject({ version: target, ready: true })
  expect(others.map((pod) => containerOf(machine, pod))).toEqual(before)
  expect(recordOf(lab, 'cp-1')?.state).toBe('failed')
})

test('it waits until kubeadm-config has the argument, and nothing is changed before', async () => {
  const { lab, machine } = start('cp-1')
  lab.cluster.podArguments.clear()
  lab.clock.after(60, () => lab.cluster.podArguments.set('kube-apiserver', [flag]))
  const { run, reports } = await walk(lab, 'cp-1', wanted)
  expect(reports).toContain('kubeadm-config: kubeadm-config to have apiServer.extraArgs of the KubeadmConfig')
  expect(run.progress.phase).toBe('Done')
  expect(machine.running.get('kube-apiserver')).toContain(flag)
})

test('the argument comes along with a new version', async () => {
  const lab = startQuickLab('cp-1')
  lab.cluster.podArguments.set('kube-apiserver', [flag])
  const { run } = await walk(lab, 'cp-1', wanted)
  expect(run.progress.phase).toBe('Done')
  expect(lab.machine('cp-1').running.get('kube-apiserver')).toBe(`registry.k8s.io/kube-apiserver:${target} ${flag}`)
})

// The manifest alone is no proof.
test('a process without the argument of its manifest is not at the target', async () => {
  const { lab, machine } = start('cp-1')
  lab.clock.pass(60)
  machine.setManifest('kube-apiserver', `registry.k8s.io/kube-apiserver:${target} ${flag}`)
  const waiting = { waitsFor: 'kube-apiserver to run with the settings of its manifest' }
  expect(verify.done(await situationOf(lab, 'cp-1', verify, wanted))).toEqual(waiting)
})

describe('two replicas', () => {
  test('at once exchange the static pod once, and both report it', async () => {
    const { lab, machine } = start('cp-1', 'cp-2')
    const before = others.map((pod) => containerOf(machine, pod))
    const walks = [begin(lab, 'cp-1', wanted), begin(lab, 'cp-1', wanted)]
    await Promise.all(walks.map(({ ended }) => ended))
    expect(walks.map(({ run }) => run.progress.message)).toEqual([`at ${target}`, `at ${target}`])
    expect(unitsOf(lab, 'cp-1').filter((unit) => unit === 'exchange')).toEqual(['exchange'])
    expect(machine.running.get('kube-apiserver')).toContain(flag)
    expect(others.map((pod) => containerOf(machine, pod))).toEqual(before)
  })

  test('at once try a broken argument once, and both report it', async () => {
    const { lab, machine } = start('cp-1', 'cp-2')
    machine.brokenApiServers.add(`registry.k8s.io/kube-apiserver:${target} ${flag}`)
    const walks = [begin(lab, 'cp-1', wanted), begin(lab, 'cp-1', wanted)]
    await Promise.all(walks.map(({ ended }) => ended))
    expect(walks.map(({ run }) => run.progress.error?.code)).toEqual(['EXCHANGE_UNDONE', 'EXCHANGE_UNDONE'])
    expect(unitsOf(lab, 'cp-1').filter((unit) => unit === 'exchange')).toEqual(['exchange'])
    expect(machine.running.get('kube-apiserver')).toBe(`registry.k8s.io/kube-apiserver:${target}`)
  })
})

test('a broken argument that comes with a new version leaves the old version and its settings', async () => {
  const lab = startQuickLab('cp-1', 'cp-2')
  const machine = lab.machine('cp-1')
  lab.cluster.podArguments.set('kube-apiserver', [flag])
  machine.brokenApiServers.add(`registry.k8s.io/kube-apiserver:${target} ${flag}`)
  const { run } = await walk(lab, 'cp-1', wanted)
  expect(run.progress.error).toMatchObject({ code: 'EXCHANGE_UNDONE', values: { component: 'kube-apiserver' } })
  lab.clock.pass(10)
  expect(machine.running.get('kube-apiserver')).toBe(`registry.k8s.io/kube-apiserver:${old}`)
  expect(machine.kubelet).toMatchObject({ version: old, healthy: true })
  expect(machine.apiServer).toMatchObject({ version: old, ready: true })
  expect(lab.cluster.balancer.draining.size).toBe(0)
})
