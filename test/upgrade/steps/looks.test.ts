import { expect, test } from 'vitest'
import type { Step } from '../../../src/upgrade/step.ts'
import { apiServers } from '../../../src/upgrade/steps/api-servers.ts'
import { binaries } from '../../../src/upgrade/steps/binaries.ts'
import { kubeadm } from '../../../src/upgrade/steps/kubeadm.ts'
import { kubeadmConfig } from '../../../src/upgrade/steps/kubeadm-config.ts'
import { kubelet } from '../../../src/upgrade/steps/kubelet.ts'
import { manifests } from '../../../src/upgrade/steps/manifests.ts'
import { staticPods } from '../../../src/upgrade/steps/static-pods.ts'
import { tidy } from '../../../src/upgrade/steps/tidy.ts'
import { digestOf, old, target } from '../../fake-docker/release.ts'
import { look, nothing, type Row, renameContainers, serverOf, stage, stopContainers, work } from './look.ts'

const rows: [Step, ...Row][] = [
  [staticPods, 'cp-1', 'done', ...nothing],
  [
    staticPods,
    'cp-1',
    `the manifest of kube-apiserver at ${target}`,
    'kubeadm has not changed it',
    ({ machine }) => machine('cp-1').setManifest('kube-apiserver', `registry.k8s.io/kube-apiserver:${old}`),
  ],
  [
    staticPods,
    'cp-1',
    `kube-apiserver to run ${target}`,
    'one of the old version runs next to it',
    ({ machine }) => machine('cp-1').runContainer(`registry.k8s.io/kube-apiserver:${old}`),
  ],
  [
    staticPods,
    'cp-1',
    'etcd to run 3.6.6-0',
    'the old etcd runs',
    ({ machine }) => {
      stopContainers(machine('cp-1').containers, '/etcd:')
      machine('cp-1').runContainer('registry.k8s.io/etcd:3.6.5-0')
    },
  ],
  [
    staticPods,
    'cp-1',
    'done',
    'the runtime names the image of a container by another of its names',
    ({ machine }) => {
      const { containers, images: names } = machine('cp-1')
      stopContainers(containers, 'kube-proxy')
      const image = `registry.k8s.io/kube-scheduler:${target}`
      names.set('registry.k8s.io/kube-scheduler:latest', digestOf(image))
      stopContainers(containers, 'kube-scheduler')
      machine('cp-1').runContainer('registry.k8s.io/kube-scheduler:latest')
    },
  ],
  [
    staticPods,
    'cp-1',
    'done',
    'B02: static pods of the user stand next to them, at versions of their own, and one does not run',
    ({ machine }) => {
      machine('cp-1').setManifest('kube-vip', 'ghcr.io/kube-vip/kube-vip:v1.0.1')
      machine('cp-1').runContainer('ghcr.io/kube-vip/kube-vip:v1.0.0')
      machine('cp-1').setManifest('kube-rbac-proxy', 'quay.io/brancz/kube-rbac-proxy:v0.20.0')
      machine('cp-1').setManifest('proxy', 'registry:5000/proxy')
    },
  ],
  [
    staticPods,
    'cp-1',
    'done',
    "B03: the node image has its images under two names, and the runtime takes the architecture's",
    ({ machine }) => renameContainers(machine('cp-1'), (name) => name.replace(/(:v[^:]*)$/, '-amd64$1')),
  ],
  [
    staticPods,
    'cp-1',
    'done',
    'an import has named images by their digests, and one that is nothing of kubeadm runs',
    ({ machine }) => {
      const digest = digestOf('another')
      for (const one of [...machine('cp-1').images.values(), digest])
        machine('cp-1').images.set(`import-2026-11-27@${one}`, one)
      machine('cp-1').runContainer(`import-2026-11-27@${digest}`)
    },
  ],
  [
    staticPods,
    'cp-1',
    'done',
    'B03: the runtime names the images after another registry',
    ({ machine }) =>
      renameContainers(machine('cp-1'), (name) => name.replace('registry.k8s.io', 'mirror.example:5000/k8s')),
  ],
  [
    staticPods,
    'cp-1',
    `kube-apiserver to run ${target}`,
    "B03: one of the old version runs next to it under the architecture's name",
    ({ machine }) => machine('cp-1').runContainer(`registry.k8s.io/kube-apiserver-amd64:${old}`),
  ],
  [
    staticPods,
    'cp-1',
    `kube-controller-manager to run ${target}`,
    'another image of the same repository runs in its place',
    ({ machine }) => {
      const image = `registry.k8s.io/kube-controller-manager:${target}`
      machine('cp-1').images.set(`${image}-rebuilt`, digestOf('another'))
      stopContainers(machine('cp-1').containers, 'kube-controller-manager')
      machine('cp-1').runContainer(`${image}-rebuilt`)
    },
  ],
  [
    staticPods,
    'cp-1',
    `the manifest of kube-scheduler at ${target}`,
    'it has none',
    ({ machine }) => machine('cp-1').removeManifest('kube-scheduler'),
  ],
  [
    staticPods,
    'cp-1',
    'done',
    'its manifests name the digest, too',
    ({ machine }) => {
      for (const [name, image] of Object.entries(machine('cp-1').manifests)) {
        machine('cp-1').setManifest(name, `${image}@${digestOf(image)}`)
      }
    },
  ],
  [
    staticPods,
    'cp-1',
    'the etcd member of cp-3',
    'it is not healthy',
    ({ machine }) => Object.assign(machine('cp-3'), { etcdHealthy: false }),
  ],
  [apiServers, 'w-1', 'done', ...nothing],
  [
    apiServers,
    'w-1',
    `every API server to be at ${target}`,
    'the oldest is not',
    (lab) => Object.assign(serverOf(lab, 'cp-2'), { version: old }),
  ],
  [
    apiServers,
    'w-1',
    `every API server to be at ${target}`,
    'it has only a pre-release',
    (lab) => Object.assign(serverOf(lab, 'cp-3'), { version: `${target}-rc.1` }),
  ],
  [
    apiServers,
    'w-1',
    'the version of the API server of cp-3 (the API server does not answer)',
    'one does not, though the load balancer would find another',
    (lab) => Object.assign(serverOf(lab, 'cp-3'), { answers: false }),
  ],
  [
    apiServers,
    'w-1',
    'done',
    'they are newer',
    (lab) => ['cp-1', 'cp-2', 'cp-3'].map((name) => Object.assign(serverOf(lab, name), { version: 'v1.36.0' })),
  ],
  [kubeadmConfig, 'cp-1', 'done', ...nothing],
  [
    kubeadmConfig,
    'cp-1',
    `kubeadm-config to name ${target}`,
    'it names the old version',
    ({ cluster }) => Object.assign(cluster, { kubeadmConfigVersion: old }),
  ],
  [
    kubeadmConfig,
    'cp-1',
    `kubeadm-config to name ${target}`,
    'it names a newer one, to which kubeadm would go',
    ({ cluster }) => Object.assign(cluster, { kubeadmConfigVersion: 'v1.36.0' }),
  ],
  [
    kubeadmConfig,
    'cp-1',
    'done',
    'it names another one by now and kubeadm has run',
    (lab) => {
      lab.cluster.kubeadmConfigVersion = 'v1.35.9'
      stage(lab, 'cp-1', 'kubeadm.done')
    },
  ],
  [
    kubeadmConfig,
    'w-1',
    'done',
    'it names a newer one, which is the control plane',
    ({ cluster }) => Object.assign(cluster, { kubeadmConfigVersion: 'v1.36.0' }),
  ],
  [
    kubeadmConfig,
    'w-1',
    'done',
    'someone has put it in quotes, which is the same YAML',
    ({ cluster }) => Object.assign(cluster, { kubeadmConfigVersion: `"${target}"` }),
  ],
  [
    kubeadmConfig,
    'cp-1',
    "the cluster's kubeadm-config (the API server does not answer)",
    'it does not answer',
    (lab) => Object.assign(serverOf(lab, 'cp-1'), { answers: false }),
  ],
  [manifests, 'cp-1', 'done', ...nothing],
  [
    manifests,
    'cp-1',
    'the manifest of kube-apiserver, etcd',
    'they are missing',
    ({ machine }) => ['kube-apiserver', 'etcd'].map((name) => machine('cp-1').removeManifest(name)),
  ],
  [
    manifests,
    'cp-1',
    'done',
    'there is no etcd on the machine',
    ({ machine }) => {
      machine('cp-1').removeManifest('etcd')
      machine('cp-1').removeDirectory('/var/lib/etcd')
    },
  ],
  [
    manifests,
    'cp-1',
    'the etcd member of cp-2',
    'it is not healthy',
    ({ machine }) => Object.assign(machine('cp-2'), { etcdHealthy: false }),
  ],
  [binaries, 'w-1', 'the download', 'nothing is there', () => {}],
  [binaries, 'w-1', 'the download', 'only a part is there', (lab) => stage(lab, 'w-1', 'bin.partial/kubeadm', target)],
  [binaries, 'w-1', 'done', 'the directory is in its place', (lab) => stage(lab, 'w-1', 'bin/kubeadm', target)],
  [
    binaries,
    'w-1',
    'the download',
    "another attempt's programs are there",
    (lab) => stage(lab, 'w-1', 'bin/kubeadm', 'v1.36.3', 'v1.36.3'),
  ],
  [kubeadm, 'w-1', 'kubeadm', 'it has not ended well', (lab) => stage(lab, 'w-1', 'x')],
  [kubeadm, 'w-1', 'done', 'it has marked its success', (lab) => stage(lab, 'w-1', 'kubeadm.done')],
  [
    kubeadm,
    'w-1',
    'kubeadm',
    'another attempt has marked its success',
    (lab) => stage(lab, 'w-1', 'kubeadm.done', '', `${target} with files 0123456789ab`),
  ],
  [kubelet, 'w-1', 'done', ...nothing],
  [
    kubelet,
    'w-1',
    'the new kubelet to stay up',
    'it is started again and again',
    ({ machine }) => machine('w-1').brokenKubelets.add(target),
  ],
  [tidy, 'w-1', 'done', ...nothing],
  [
    tidy,
    'w-1',
    'the staged files to be removed',
    'some are there',
    ({ machine }) => machine('w-1').files.set(`${work}/bin/kubeadm`, target),
  ],
  [
    tidy,
    'w-1',
    'the staged files to be removed',
    "another attempt's are there",
    (lab) => stage(lab, 'w-1', 'bin/kubeadm', 'v1.36.3', 'v1.36.3'),
  ],
  [
    tidy,
    'w-1',
    'the staged files to be removed',
    'a unit has ended and is not forgotten',
    ({ machine, clock }) => {
      machine('w-1').units.start('capd-kubeadm-upgrader-images', 'images', 60, () => ({ exitCode: 0, log: '' }))
      clock.pass(10)
    },
  ],
]

test.each(
  rows.map(([step, ...row]) => [step.name, ...row, step] as const),
)('%s on %s: %s, when %s', async (_step, name, waitsFor, _why, change, step) => {
  expect(await look(step, name, change)).toBe(waitsFor)
})
