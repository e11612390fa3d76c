import { expect, test } from 'vitest'
import { verify } from '../../../src/upgrade/steps/verify.ts'
import { old, target } from '../../fake-docker/release.ts'
import { look, nodeOf, nothing, type Row, serverOf, stopContainers } from './look.ts'

const rows: Row[] = [
  ['cp-1', 'done', ...nothing],
  ['w-1', 'done', ...nothing],
  [
    'w-1',
    `the kubelet to run ${target}`,
    'an old kubelet runs, whatever stands in /usr/bin',
    ({ machine }) => Object.assign(machine('w-1').kubelet, { version: old }),
  ],
  [
    'w-1',
    `the kubelet to run ${target}`,
    'no kubelet runs',
    ({ machine }) => Object.assign(machine('w-1').kubelet, { pid: 0 }),
  ],
  [
    'w-1',
    `the Node to report ${target}`,
    'the kubelet has not told the API yet',
    (lab) => Object.assign(nodeOf(lab, 'w-1'), { kubeletVersion: old }),
  ],
  ['w-1', 'the Node to be Ready', 'it is not', (lab) => Object.assign(nodeOf(lab, 'w-1'), { ready: false })],
  [
    'cp-1',
    'kubeadm',
    'another process is a step behind and runs it',
    (lab) =>
      lab.machine('cp-1').units.start('capd-kubeadm-upgrader-kubeadm', 'kubeadm', 60, () => ({ exitCode: 0, log: '' })),
  ],
  [
    'w-1',
    'the Node to be Ready',
    'its Ready is from before the restart of the kubelet',
    (lab) => Object.assign(nodeOf(lab, 'w-1'), { heartbeat: lab.clock.now() - 62_000 }),
  ],
  [
    'w-1',
    'the Node w-1 (it does not exist: Error from server (NotFound): nodes "w-1" not found)',
    'its Node is gone',
    ({ cluster }) => cluster.nodes.delete('w-1'),
  ],
  [
    'w-1',
    'the Node w-1 (the API server does not answer)',
    'no API server answers',
    (lab) => ['cp-1', 'cp-2', 'cp-3'].map((name) => Object.assign(serverOf(lab, name), { answers: false })),
  ],
  [
    'w-1',
    'the kubelet to stay up',
    'the kubelet is not healthy',
    ({ machine }) => Object.assign(machine('w-1').kubelet, { healthy: false }),
  ],
  [
    'w-1',
    'the kubelet to stay up',
    'the kubelet has run for some seconds only',
    (lab) => {
      lab.machine('w-1').kubelet.startedAt = lab.machine('w-1').uptime - 4
      nodeOf(lab, 'w-1').heartbeat = lab.clock.now()
    },
  ],
  [
    'w-1',
    'the Node to be Ready',
    'the kubelet is started again and again, and its Ready is from before',
    ({ machine }) => machine('w-1').brokenKubelets.add(target),
  ],
  [
    'cp-1',
    'the Node cp-1 (the API server does not answer)',
    'its own API server does not answer, though others do',
    (lab) => Object.assign(serverOf(lab, 'cp-1'), { answers: false }),
  ],
  [
    'cp-1',
    'the API server to be ready',
    'its own API server is not ready, though others are',
    (lab) => Object.assign(serverOf(lab, 'cp-1'), { ready: false }),
  ],
  [
    'cp-1',
    'the etcd member of cp-2',
    "another machine's member is not healthy",
    ({ machine }) => Object.assign(machine('cp-2'), { etcdHealthy: false }),
  ],
  [
    'cp-1',
    `kube-scheduler to run ${target}`,
    'a static pod does not run',
    ({ machine }) => stopContainers(machine('cp-1').containers, 'kube-scheduler'),
  ],
  [
    'cp-1',
    'the static pods to settle',
    'a mirror pod is not Ready',
    ({ machine }) => Object.assign(machine('cp-1'), { mirrorPods: 'not ready' }),
  ],
  [
    'cp-1',
    'the static pods to settle',
    'a mirror pod was made just now, and reports nothing of itself yet',
    ({ machine }) => Object.assign(machine('cp-1'), { mirrorPods: 'just made' }),
  ],
  [
    'cp-1',
    'the static pods to settle',
    'they have started once more a moment ago',
    ({ machine, clock }) => {
      machine('cp-1').restartStaticPods()
      clock.pass(4)
    },
  ],
]

test.each(rows)('verify on %s: %s, when %s', async (name, waitsFor, _why, change) => {
  expect(await look(verify, name, change)).toBe(waitsFor)
})
