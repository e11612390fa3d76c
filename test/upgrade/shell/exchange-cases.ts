import type { Case } from './disturbed.ts'
import { manifestOf, pods, prepareMachine, work } from './exchanged-machine.ts'
import type { Root } from './rooted.ts'

// More than a page, so that a disk can be full in the middle of it.
const filling = '# filling\n'.repeat(600)
const balancer = /\/capd-kubeadm-upgrader\/drained(\.new)?$/
const ours = new RegExp(`^${work}/`)
const next = [/^\/etc\/kubernetes\/tmp\/capd-kubeadm-upgrader/, /^\/usr\/bin\/\..*\.new$/]

// The same machine with kubeadm's part done, its exchange not prepared, and a kubeadm that renders.
function beforePreparation(root: Root): void {
  prepareMachine(root, { filling })
  for (const path of [`${work}/before`, `${work}/prepared`, '/etc/kubernetes/tmp']) root.remove(path)
  for (const name of ['kubelet', 'kubectl', 'kubeadm']) root.remove(`/usr/bin/.${name}.new`)
  root.program(`${work}/bin/kubeadm`)
}

function beforeRendering(root: Root): void {
  beforePreparation(root)
  root.remove(`${work}/rendered`)
  root.write(`${work}/cluster-configuration.yaml`, filling)
  for (const pod of pods) {
    root.write(`/tmp/pods/${pod}.yaml`, manifestOf(pod, pod === 'etcd' ? '3.6.6-0' : 'v1.35.4', filling))
  }
  root.program(
    `${work}/bin/kubeadm`,
    'command -p cp /tmp/pods/*.yaml "$KUBEADM_INIT_DRYRUN_DIR/" || { echo "no space left on device"; exit 1; }',
  )
}

/** The shell files of an exchange, and a machine on which each has something to do. */
export const exchangeCases: Case[] = [
  {
    script: 'steps/render.sh',
    args: [work, 'cp-1', 'v1.35.4', '-'],
    disks: ['/var'],
    prepare: beforeRendering,
    leftovers: [new RegExp(`^${work}/(rendered|render)`), new RegExp(`^${work}/exchange.refused.new`)],
  },
  {
    script: 'steps/prepare.sh',
    args: [work, '-', '{}', '--one=1'],
    disks: ['/etc', '/usr', '/var'],
    prepare: beforePreparation,
    leftovers: [ours, ...next],
  },
  {
    script: 'steps/exchange.sh',
    args: ['forward', work, 'cp-1', 'drain', '1', '0'],
    disks: ['/var'],
    prepare: (root) => prepareMachine(root, { filling }),
    leftovers: [ours, balancer, ...next],
  },
  {
    script: 'steps/exchange.sh',
    args: ['back', work, 'cp-1', 'drain', '1', '0'],
    disks: ['/etc', '/usr', '/var'],
    prepare(root) {
      prepareMachine(root, { filling })
      root.remove('/etc/kubernetes/tmp')
      for (const pod of pods) {
        root.write(`/etc/kubernetes/manifests/${pod}.yaml`, root.read(`${work}/rendered/${pod}.yaml`))
      }
      for (const name of ['kubelet', 'kubectl', 'kubeadm']) {
        root.write(`/usr/bin/${name}`, root.read(`${work}/bin/${name}`))
        root.remove(`/usr/bin/.${name}.new`)
      }
    },
    leftovers: [ours, ...next, /^\/var\/lib\/kubelet\/\..*\.new$/],
  },
]
