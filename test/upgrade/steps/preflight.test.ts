import { describe, expect, test } from 'vitest'
import { preflight } from '../../../src/upgrade/steps/preflight.ts'
import { startQuickLab } from '../../fake-docker/lab.ts'
import type { SimulatedMachine } from '../../fake-docker/machine.ts'
import { situationOf } from '../walk.ts'
import { stage } from './look.ts'

// What preflight finds on a worker at v1.34.4 that is like this, on its way to the version: done, or the error.
async function verdict(target: string, prepare: (machine: SimulatedMachine) => void) {
  const lab = startQuickLab('cp-1', 'w-1')
  const machine = lab.machine('w-1')
  prepare(machine)
  const situation = await situationOf(lab, 'w-1', preflight, { version: target })
  expect(machine.effects).toEqual([])
  try {
    return preflight.done(situation)
  } catch (thrown) {
    return (thrown as { code?: unknown }).code
  }
}

const onHost =
  (...host: string[]) =>
  (machine: SimulatedMachine) => {
    machine.host = host
  }
const v1 = ['Cgroups=1', 'Containerd=v2.3.4', 'CgroupV1=no']

describe('B21: on a host with cgroup v1', () => {
  test('no kubelet of v1.35 or newer is begun with, unless its configuration allows it', async () => {
    expect(await verdict('v1.35.4', onHost(...v1))).toBe('HOST_CGROUP_V1')
    expect(await verdict('v1.36.3', onHost(...v1))).toBe('HOST_CGROUP_V1')
    expect(await verdict('v1.35.4', onHost('Cgroups=1', 'CgroupV1=yes'))).toBe('done')
  })

  test('an older one is, and so is one that follows another that runs', async () => {
    expect(await verdict('v1.34.5', onHost(...v1))).toBe('done')
    const running = (machine: SimulatedMachine) => {
      machine.host = v1
      machine.kubelet.version = 'v1.35.0'
    }
    expect(await verdict('v1.36.3', running)).toBe('done')
  })

  test('what is not known is no reason', async () => {
    expect(await verdict('v1.35.4', onHost())).toBe('done')
    // As while the kubelet does not run, whose flags may name more of its configuration.
    expect(await verdict('v1.35.4', onHost('Cgroups=1', 'CgroupV1=unknown'))).toBe('done')
  })
})

test('a host that an attempt has begun on is not judged again in the middle of it', async () => {
  const lab = startQuickLab('cp-1', 'w-1')
  lab.machine('w-1').host = v1
  stage(lab, 'w-1', 'bin/kubeadm')
  expect(preflight.done(await situationOf(lab, 'w-1', preflight))).toBe('done')
})

describe('with containerd 1', () => {
  test.each(['1.7.24~ds1', 'v1.7.24', '1.6.0'])('%s, no kubelet of v1.38 is begun with', async (version) => {
    expect(await verdict('v1.38.0', onHost('Cgroups=2', `Containerd=${version}`))).toBe('CONTAINERD_TOO_OLD')
    expect(await verdict('v1.37.9', onHost('Cgroups=2', `Containerd=${version}`))).toBe('done')
  })

  test.each(['v2.0.0', '2.3.4', '', 'a fork'])('%j is none of it', async (version) => {
    expect(await verdict('v1.38.0', onHost('Cgroups=2', `Containerd=${version}`))).toBe('done')
  })
})

test('B07: a machine that kubeadm did not make is refused before anything is brought to it', async () => {
  const host = onHost('Missing=/etc/kubernetes/kubelet.conf', 'Cgroups=2', 'Containerd=v2.3.4')
  expect(await verdict('v1.35.4', host)).toBe('MACHINE_NOT_KUBEADM')
})
