import { expect, test } from 'vitest'
import { apiServers } from '../../../src/upgrade/steps/api-servers.ts'
import { imageList } from '../../../src/upgrade/steps/image-list.ts'
import { kubeadmConfig } from '../../../src/upgrade/steps/kubeadm-config.ts'
import { staticPods } from '../../../src/upgrade/steps/static-pods.ts'
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
    'the kubelet has not reported to the API yet',
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
    'the API server to be ready (its check etcd fails)',
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

const failing = (stderr: string) => ({ exitCode: 1, stdout: '', stderr: `${stderr}\n` })
const answering = (stdout: string) => ({ exitCode: 0, stdout, stderr: '' })
const denied = 'Error from server (Forbidden): forbidden: User "kubernetes-admin" cannot get path "/readyz"'
const readyzRows = [
  [`the API server refuses it: ${denied}`, failing(denied)],
  [
    'the API server refuses it: error: You must be logged in to the server (the server has asked for credentials)',
    failing('error: You must be logged in to the server (the server has asked for credentials)'),
  ],
  [
    'it does not exist: Error from server (NotFound): the server could not find the requested resource',
    failing('Error from server (NotFound): the server could not find the requested resource'),
  ],
  ['the answer is malformed', answering('<html>a proxy</html>')],
  ['the answer is malformed', answering('')],
  ['the API server has an error: Error from server: a timeout', failing('Error from server: a timeout')],
  ['the API server does not answer', failing('The connection to the server 10.0.0.1:6443 was refused')],
  [
    'the machine cannot send the request: x509: certificate has expired or is not yet valid',
    failing('Unable to connect to the server: x509: certificate has expired or is not yet valid: current time is now'),
  ],
  [
    'the machine cannot send the request: error: stat /etc/kubernetes/admin.conf: no such file or directory',
    failing('error: stat /etc/kubernetes/admin.conf: no such file or directory'),
  ],
] as const

test.each([
  verify,
  staticPods,
])('$name waits for the API server to be ready, and reports why it is not', async (step) => {
  for (const [why, answer] of readyzRows) {
    const change: Row[3] = ({ cluster }) => cluster.otherAnswers.set('/readyz', answer)
    expect(await look(step, 'cp-1', change)).toBe(`the API server to be ready (${why})`)
  }
})

const podsOf = (name: string) =>
  `/api/v1/namespaces/kube-system/pods?labelSelector=tier%3Dcontrol-plane&fieldSelector=spec.nodeName%3D${name}`
const configPath = '/api/v1/namespaces/kube-system/configmaps/kubeadm-config'

test.each([
  [verify, 'cp-1', podsOf('cp-1'), 'the static pods'],
  [verify, 'w-1', '/api/v1/nodes/w-1', 'the Node w-1'],
  [apiServers, 'w-1', '/version', 'the version of the API server of cp-1'],
  [imageList, 'w-1', configPath, "the cluster's kubeadm-config"],
  [kubeadmConfig, 'w-1', configPath, "the cluster's kubeadm-config"],
])('$0.name on $1 reports why it cannot read $3', async (step, name, path, what) => {
  const forbidden = 'Error from server (Forbidden): it is forbidden'
  const seen = async (answer: ReturnType<typeof failing>) =>
    look(step, name, ({ cluster }) => cluster.otherAnswers.set(path, answer))
  expect(await seen(failing(forbidden))).toBe(`${what} (the API server refuses it: ${forbidden})`)
  expect(await seen(answering('{"items":'))).toBe(`${what} (the answer is malformed)`)
})

test.each(rows)('verify on %s: %s, when %s', async (name, waitsFor, _why, change) => {
  expect(await look(verify, name, change)).toBe(waitsFor)
})
