import { stateDirectory } from '../../../../src/machine/machine.ts'
import type { SimulatedMachine } from '../../../fake-docker/machine.ts'
import { old, target } from '../../../fake-docker/release.ts'
import {
  configure,
  exchanged,
  manifests,
  newPods,
  oldPods,
  putPods,
  putPrograms,
  rendered,
  staged,
  type TwinCase,
  work,
} from './case.ts'

const renderArgs = [work, 'cp-1', target, '-']
const refused = (reason: string) => ({
  [`${work}/exchange.refused`]: reason,
  [`${work}/rendered/etcd.yaml`]: undefined,
})
const render: TwinCase[] = [
  {
    script: 'render',
    what: 'static pods of the target',
    args: renderArgs,
    prepare: (machine) => configure(machine),
    leaves: { [`${work}/rendered/etcd.yaml`]: newPods.etcd, [`${manifests}/etcd.yaml`]: oldPods.etcd },
  },
  {
    script: 'render',
    what: 'static pods that are rendered already',
    args: renderArgs,
    prepare: (machine) => [configure(machine), putPods(machine, `${work}/rendered`, oldPods)],
    leaves: { [`${work}/rendered/etcd.yaml`]: oldPods.etcd },
  },
  {
    script: 'render',
    what: 'a manifest that is missing',
    args: renderArgs,
    prepare: (machine) => [configure(machine), machine.removeManifest('etcd')],
    exitCode: 46,
  },
  {
    script: 'render',
    what: 'patches that are missing',
    args: [work, 'cp-1', target, '/etc/patches'],
    prepare: (machine) => configure(machine),
    exitCode: 47,
  },
  {
    script: 'render',
    what: 'static pods of several versions',
    args: renderArgs,
    prepare: (machine) => [configure(machine), machine.setManifest('kube-scheduler', newPods['kube-scheduler'] ?? '')],
    leaves: refused('the static pods are of several versions'),
  },
  {
    script: 'render',
    what: 'static pods in the middle of an exchange',
    args: renderArgs,
    prepare: (machine) => [
      configure(machine),
      machine.setManifest('kube-scheduler', newPods['kube-scheduler'] ?? ''),
      putPrograms(machine, `${work}/before`, old),
    ],
    leaves: { [`${work}/rendered/etcd.yaml`]: newPods.etcd },
  },
  {
    script: 'render',
    what: 'a configuration of another version',
    args: renderArgs,
    prepare: (machine) => configure(machine, old),
    leaves: refused('kubeadm renders another version of kube-apiserver'),
  },
  {
    script: 'render',
    what: 'an etcd that is newer than the rendered one',
    args: renderArgs,
    prepare: (machine) => [configure(machine), machine.setManifest('etcd', 'registry.k8s.io/etcd:3.6.10-0')],
    leaves: refused('etcd runs 3.6.10-0, which is newer than 3.6.6-0'),
  },
]

const skip = '--skip-phases=control-plane,addon'
const prepareArgs = [work, '-', '{}', skip]
const prepareCases: TwinCase[] = [
  {
    script: 'prepare',
    what: 'a machine that is all old',
    args: prepareArgs,
    prepare: rendered,
    leaves: {
      [`${staged}/etcd.yaml`]: newPods.etcd,
      [`${work}/before/kubelet`]: old,
      [`${work}/before/manifests/etcd.yaml`]: oldPods.etcd,
      '/usr/bin/.kubelet.new': target,
      '/usr/bin/kubelet': old,
      [`${work}/prepared`]: '',
    },
  },
  {
    script: 'prepare',
    what: 'a second run, which keeps what was there before the first',
    args: prepareArgs,
    prepare: (machine) => [
      rendered(machine),
      putPrograms(machine, `${work}/before`, 'v1.33.9'),
      putPods(machine, `${work}/before/manifests`, oldPods),
    ],
    leaves: { [`${work}/before/kubelet`]: 'v1.33.9' },
  },
  {
    script: 'prepare',
    what: 'parts that are equal already, and one that an earlier run has left next to its place',
    args: prepareArgs,
    prepare: (machine) => [
      rendered(machine),
      machine.setManifest('etcd', newPods.etcd ?? ''),
      putPrograms(machine, '/usr/bin', target, ['kubectl']),
      machine.files.set('/usr/bin/.kubectl.new', old),
    ],
    leaves: { [`${staged}/etcd.yaml`]: undefined, '/usr/bin/.kubectl.new': undefined },
  },
  {
    script: 'prepare',
    what: 'a manifest that is missing',
    args: prepareArgs,
    prepare: (machine) => [rendered(machine), machine.removeManifest('kube-apiserver')],
    exitCode: 46,
    leaves: { [`${work}/before/kubelet`]: undefined },
  },
  {
    script: 'prepare',
    what: 'patches that are missing',
    args: [work, '/etc/patches', '{}', skip],
    prepare: rendered,
    exitCode: 47,
    leaves: { [`${work}/before/kubelet`]: undefined },
  },
  {
    script: 'prepare',
    what: 'rendered manifests that are gone',
    args: prepareArgs,
    prepare: (machine) => configure(machine),
    exitCode: 1,
    leaves: { [`${work}/prepared`]: undefined },
  },
]

const upgrade = (role: string, patches = '-', other = '-') => [work, role, other, patches, '{}', target, '--one=1']
const kubeadm: TwinCase[] = [
  {
    script: 'kubeadm',
    what: 'a worker',
    name: 'w-1',
    args: upgrade('worker'),
    prepare: (machine) => putPrograms(machine, `${work}/bin`),
    leaves: { [`${work}/kubeadm.done`]: '' },
  },
  {
    script: 'kubeadm',
    what: 'a control plane machine, with a note of the copy of its etcd data',
    args: upgrade('control-plane'),
    prepare: (machine) => [
      putPrograms(machine, `${work}/bin`),
      machine.files.set('/etc/kubernetes/tmp/kubeadm-backup-etcd-1/etcd', 'data'),
    ],
    leaves: {
      [`${work}/kubeadm.done`]: '',
      [`${manifests}/etcd.yaml`]: newPods.etcd,
      [`${stateDirectory}/leftovers/kubeadm-backup-etcd-1`]: undefined,
    },
  },
  {
    script: 'kubeadm',
    what: 'a control plane machine next to another one, whose API server the kubelet uses meanwhile',
    args: upgrade('control-plane', '-', 'cp-2'),
    prepare: (machine) => putPrograms(machine, `${work}/bin`),
    leaves: { [`${work}/kubeadm.done`]: '', [`${work}/kubelet.conf.detour`]: undefined },
  },
  {
    script: 'kubeadm',
    what: 'patches that are missing',
    args: upgrade('control-plane', '/etc/patches'),
    prepare: (machine) => putPrograms(machine, `${work}/bin`),
    exitCode: 47,
  },
  ...['kube-apiserver', 'kube-scheduler'].map((pod) => ({
    script: 'kubeadm',
    what: `a control plane machine without the manifest of ${pod}`,
    args: upgrade('control-plane'),
    prepare: (machine: SimulatedMachine) => [putPrograms(machine, `${work}/bin`), machine.removeManifest(pod)],
    exitCode: 46,
    leaves: { [`${work}/kubeadm.done`]: undefined },
  })),
  {
    script: 'kubeadm',
    what: 'a kubeadm-config of another version',
    args: upgrade('control-plane'),
    prepare: (machine, { cluster }) => {
      cluster.kubeadmConfigVersion = old
      putPrograms(machine, `${work}/bin`)
    },
    exitCode: 48,
    leaves: { [`${work}/kubeadm.done`]: undefined, [`${manifests}/etcd.yaml`]: oldPods.etcd },
  },
  {
    script: 'kubeadm',
    what: 'a kubeadm-config of another version after an exchange, which leaves the static pods alone',
    args: upgrade('control-plane'),
    prepare: (machine, { cluster }) => {
      cluster.kubeadmConfigVersion = old
      exchanged(machine)
    },
    leaves: { [`${work}/kubeadm.done`]: '', [`${manifests}/etcd.yaml`]: newPods.etcd },
  },
  {
    script: 'kubeadm',
    what: 'nothing but the way back from an attempt that was cut off',
    args: [work, 'control-plane', '-', '-', ''],
    leaves: { [`${work}/kubeadm.done`]: undefined },
  },
]

/** The cases of the shell files that run kubeadm. */
export const kubeadmCases: TwinCase[] = [...render, ...prepareCases, ...kubeadm]
