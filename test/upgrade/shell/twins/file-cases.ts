import { createHash } from 'node:crypto'
import { stateDirectory } from '../../../../src/machine/machine.ts'
import type { SimulatedMachine } from '../../../fake-docker/machine.ts'
import { old, staticPodsOf, target } from '../../../fake-docker/release.ts'
import { drained, manifests, putPrograms, staged, type TwinCase, work } from './case.ts'

const backUp = ({ files }: SimulatedMachine, day: string, version: string) => {
  for (const [pod, image] of Object.entries(staticPodsOf(version)))
    files.set(`/etc/kubernetes/tmp/kubeadm-backup-manifests-${day}/${pod}.yaml`, image)
}
const restoreManifests: TwinCase[] = [
  {
    script: 'restore-manifests',
    what: 'no manifest that is missing',
    args: [],
    prepare: (m) => backUp(m, '1', target),
  },
  {
    script: 'restore-manifests',
    what: 'missing manifests, from the newest backup',
    args: [],
    prepare: (machine) => {
      backUp(machine, '1', target)
      backUp(machine, '2', old)
      for (const pod of ['etcd', 'kube-scheduler']) machine.removeManifest(pod)
    },
    leaves: { [`${manifests}/etcd.yaml`]: staticPodsOf(old).etcd },
  },
  {
    script: 'restore-manifests',
    what: 'a missing manifest without a backup',
    args: [],
    prepare: (machine) => machine.removeManifest('kube-scheduler'),
    printed: 'kube-scheduler',
  },
  {
    script: 'restore-manifests',
    what: 'an etcd that is elsewhere',
    args: [],
    prepare: (machine) => [machine.removeManifest('etcd'), machine.removeDirectory('/var/lib/etcd')],
    leaves: { [`${manifests}/etcd.yaml`]: undefined },
  },
]

const copy = '/etc/kubernetes/tmp/kubeadm-backup-etcd-'
const notes = `${stateDirectory}/leftovers`
const tidy: TwinCase[] = [
  {
    script: 'tidy',
    what: 'what an upgrade has left',
    args: [work, 'cp-1'],
    prepare(machine) {
      putPrograms(machine, `${work}/bin`)
      putPrograms(machine, `${work}.old/bin`)
      for (const path of [`${work}/key`, '/usr/bin/.kubelet.new', `${staged}/etcd.yaml`]) {
        machine.files.set(path, 'x')
      }
    },
    leaves: { [`${work}/key`]: undefined, '/usr/bin/.kubelet.new': undefined, [`${work}.old/bin/kubelet`]: undefined },
  },
  {
    script: 'tidy',
    what: "copies of etcd's data, of which only our own are removed",
    args: [work, 'cp-1'],
    prepare({ files }) {
      for (const day of ['1', '2']) files.set(`${copy}${day}/etcd`, 'data')
      files.set(`${notes}/kubeadm-backup-etcd-2`, '')
    },
    leaves: { [`${copy}1/etcd`]: 'data', [`${copy}2/etcd`]: undefined },
  },
  {
    script: 'tidy',
    what: 'copies of a run that was cut off',
    args: [work, 'cp-1'],
    prepare({ files }) {
      for (const day of ['1', '2', '3']) files.set(`${copy}${day}/etcd`, 'data')
      files.set(`${notes}/before/kubeadm-backup-etcd-1`, '')
      files.set(`${notes}/kubeadm-backup-etcd-2`, '')
    },
    leaves: { [`${copy}1/etcd`]: 'data', [`${copy}3/etcd`]: undefined },
  },
  {
    script: 'tidy',
    what: 'a machine that is drained',
    args: [work, 'cp-1'],
    prepare: ({ files }) => files.set(drained, 'http://balancer:8404/stats\n'),
    leaves: { [drained]: undefined },
  },
  {
    script: 'tidy',
    what: 'a machine that stays drained',
    args: [work, 'cp-1'],
    prepare: (machine, { cluster }) => {
      cluster.balancer.answers = false
      putPrograms(machine, `${work}/bin`)
      machine.files.set(drained, 'http://balancer:8404/stats\n')
    },
    printed: 'drained',
    leaves: { [`${work}/bin/kubelet`]: target },
  },
]

// As files.sh reads it.
function lineOf(path: string, content: string, mode = '0644', user = 'root'): string {
  const sum = createHash('sha256').update(content).digest('hex')
  return `${path} digest-of-${content} ${mode} ${user} ${user} ${sum} ${Buffer.from(content).toString('base64')}\n`
}

const fileState = `${stateDirectory}/files`
const one = '/etc/lab/one.conf'
const files: TwinCase[] = [
  {
    script: 'files',
    what: 'new files',
    args: [fileState],
    input: lineOf(one, 'one') + lineOf('/etc/lab/deep/two.conf', 'two', '0600'),
    leaves: { [one]: '0644 root:root one', [`${fileState}/applied${one}`]: 'digest-of-one' },
  },
  {
    script: 'files',
    what: 'a file with other content, which is kept',
    args: [fileState],
    input: lineOf(one, 'new'),
    prepare: (machine) => machine.files.set(one, '0600 root:root before'),
    leaves: { [one]: '0644 root:root new', [`${fileState}/replaced${one}`]: 'before' },
  },
  {
    script: 'files',
    what: 'a file that is as it has to be, and is only noted',
    args: [fileState],
    input: lineOf(one, 'same'),
    prepare: (machine) => machine.files.set(one, '0644 root:root same'),
    leaves: { [`${fileState}/applied${one}`]: 'digest-of-same', [`${fileState}/replaced${one}`]: undefined },
  },
  {
    script: 'files',
    what: 'an owner that the machine does not have, after a file that is written',
    args: [fileState],
    input: lineOf(one, 'one') + lineOf('/etc/lab/two.conf', 'two', '0644', 'no-such-user'),
    printed: 'refused /etc/lab/two.conf the machine has no such user or group',
    leaves: { [one]: '0644 root:root one', [`${fileState}/applied/etc/lab/two.conf`]: undefined },
  },
  {
    script: 'files',
    what: 'a directory in the place of a file',
    args: [fileState],
    input: lineOf('/etc/lab', 'x'),
    prepare: (machine) => machine.files.set(one, '0644 root:root one'),
    printed: 'refused /etc/lab there is a directory',
  },
]

/** The cases of the shell files that put back manifests, remove what an upgrade has left, and write files. */
export const fileCases: TwinCase[] = [...restoreManifests, ...tidy, ...files]
