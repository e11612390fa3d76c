import type { SimulatedMachine } from '../../../fake-docker/machine.ts'
import { old, target } from '../../../fake-docker/release.ts'
import type { Root } from '../rooted.ts'
import { putPrograms, type TwinCase, work } from './case.ts'
import { importImages, serveRelease } from './root.ts'

const stage = (machine: SimulatedMachine) => putPrograms(machine, `${work}/bin`)
const copied = `${work}/bin.copied`
const download = (root: Root, machine: SimulatedMachine) => serveRelease(root, machine, target)

const binaries: TwinCase[] = [
  {
    script: 'binaries',
    what: 'programs that are downloaded',
    args: ['http://files', target, `${work}/bin`],
    equip: download,
    leaves: { [`${work}/bin/kubelet`]: target },
  },
  {
    script: 'binaries',
    what: 'programs that are there already',
    args: ['http://files', target, `${work}/bin`],
    prepare: (machine) => putPrograms(machine, `${work}/bin`, old, ['kubeadm']),
    equip: download,
    leaves: { [`${work}/bin/kubeadm`]: old, [`${work}/bin/kubelet`]: undefined },
  },
  {
    script: 'binaries',
    what: 'a server that does not answer',
    args: ['ftp://files', target, `${work}/bin`],
    equip: download,
    exitCode: 42,
    printed: 'failed: kubeadm.sha256',
    leaves: { [`${work}/bin/kubeadm`]: undefined },
  },
  {
    script: 'binaries',
    what: 'programs that were copied from the node image',
    args: [copied, target, `${work}/bin`],
    prepare: (machine) => putPrograms(machine, copied),
    leaves: { [`${work}/bin/kubelet`]: target, [`${copied}/kubelet`]: undefined },
  },
  {
    script: 'binaries',
    what: 'a copied program of another version',
    args: [copied, target, `${work}/bin`],
    prepare: (machine) => [putPrograms(machine, copied), putPrograms(machine, copied, old, ['kubectl'])],
    exitCode: 45,
    printed: 'failed: kubectl',
    leaves: { [`${work}/bin/kubeadm`]: undefined, [`${copied}/kubeadm`]: undefined },
  },
  {
    script: 'binaries',
    what: 'copied programs that are gone',
    args: [copied, target, `${work}/bin`],
    prepare: ({ files }) => files.set(`${work}/key`, 'key\n'),
    exitCode: 45,
    printed: 'failed: kubeadm',
  },
]

const configuration = `${work}/cluster-configuration.yaml`
const images: TwinCase[] = [
  {
    script: 'images',
    what: 'images of an archive',
    args: [work, 'node-image'],
    prepare: ({ files }) => files.set(`${work}/images.tar`, 'registry.k8s.io/a:1\nregistry.k8s.io/b:2'),
    equip: importImages,
    leaves: { [`${work}/images.tar`]: undefined },
  },
  {
    script: 'images',
    what: 'an archive that is missing',
    args: [work, 'node-image'],
    equip: importImages,
    exitCode: 1,
  },
  {
    script: 'images',
    what: 'an archive that is not whole, which is removed',
    args: [work, 'node-image'],
    prepare: ({ files }) => files.set(`${work}/images.tar`, 'half an archive'),
    equip: importImages,
    exitCode: 1,
    leaves: { [`${work}/images.tar`]: undefined },
  },
  {
    script: 'images',
    what: 'images that kubeadm pulls',
    args: [work, 'pull'],
    prepare: (machine) => [stage(machine), machine.files.set(configuration, `kubernetesVersion: ${target}\n`)],
  },
]

const kubelet: TwinCase[] = [
  {
    script: 'kubelet',
    what: 'new programs',
    args: [work, target],
    prepare: stage,
    leaves: { '/usr/bin/kubelet': target, [`${work}/previous/kubelet`]: old, [`${work}/exchanging`]: undefined },
  },
  {
    script: 'kubelet',
    what: 'a second run, which keeps what the first has kept',
    args: [work, target],
    prepare: (machine) => [
      stage(machine),
      putPrograms(machine, `${work}/previous`, old),
      putPrograms(machine, '/usr/bin', target, ['kubeadm']),
      machine.files.set(`${work}/exchanging`, ''),
    ],
    leaves: { [`${work}/previous/kubeadm`]: old, [`${work}/exchanging`]: undefined },
  },
  {
    script: 'kubelet',
    what: 'programs that are in their places already',
    args: [work, target],
    prepare: (machine) => [stage(machine), putPrograms(machine, '/usr/bin')],
    leaves: { [`${work}/previous/kubelet`]: undefined },
  },
  {
    script: 'kubelet',
    what: 'a staged program that is gone',
    args: [work, target],
    prepare: (machine) => putPrograms(machine, `${work}/bin`, target, ['kubeadm', 'kubectl']),
    exitCode: 1,
    leaves: { '/usr/bin/kubeadm': old, '/usr/bin/kubelet': old },
  },
  {
    script: 'restore-kubelet',
    what: 'programs that were kept',
    args: [work],
    prepare: (machine) => [
      putPrograms(machine, '/usr/bin'),
      putPrograms(machine, `${work}/previous`, old),
      machine.files.set(`${work}/exchanging`, ''),
    ],
    leaves: { '/usr/bin/kubelet': old, [`${work}/exchanging`]: undefined },
  },
  { script: 'restore-kubelet', what: 'nothing that was kept', args: [work], leaves: { '/usr/bin/kubelet': old } },
]

/** The cases of the shell files that bring programs and images and put the programs in place. */
export const programCases: TwinCase[] = [...binaries, ...images, ...kubelet]
