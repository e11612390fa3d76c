import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync } from 'node:fs'
import { userInfo } from 'node:os'
import type { Case } from './disturbed.ts'
import { exchangeCases } from './exchange-cases.ts'
import { addKubectl, kubeconfig } from './kubectl.ts'
import type { Root } from './rooted.ts'

const work = '/var/lib/capd-kubeadm-upgrader/work'
const etcdBackups = '/etc/kubernetes/tmp/kubeadm-backup-etcd-'
const servers = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler']

// More than a page, so that a disk can be full in the middle of it.
const filling = '# filling\n'.repeat(1000)

// Prints its version in each way in which it can be requested.
const program = `#!/bin/sh\n[ "$1" = --version ] && echo "Kubernetes v1.35.4" && exit\n[ "$2" = --client ] && printf 'Client Version: ' \necho v1.35.4\n${filling}`

/** Each shell file that changes something, and a machine on which it has something to do. */
export const cases: Case[] = [
  {
    script: 'steps/kubeadm.sh',
    args: [work, 'control-plane', 'cp-2', '-', '{}', 'v1.35.4', '--one=1'],
    disks: ['/etc', '/var'],
    prepare(root) {
      prepareControlPlane(root)
      root.write('/etc/kubernetes/kubelet.conf', `${kubeconfig('here')}${filling}`)
    },
    leftovers: [/\/kubelet\.conf\.new$/, new RegExp(`^${work}/`), /\/capd-kubeadm-upgrader\/leftovers\//],
    between: { '/etc/kubernetes/kubelet.conf': `${kubeconfig('cp-2')}${filling}` },
  },
  {
    script: 'steps/tidy.sh',
    args: [work, 'cp-1', 'unit-a'],
    disks: [],
    prepare(root) {
      root.program('/stand-ins/systemctl')
      for (const day of ['01', '02', '03']) root.write(`${etcdBackups}2026-02-${day}/member/wal`, filling)
      // One was there before a run that was cut off, one is noted, one is of the run that was cut off.
      root.write(`${work}/../leftovers/before/kubeadm-backup-etcd-2026-02-01`, '')
      root.write(`${work}/../leftovers/kubeadm-backup-etcd-2026-02-02`, '')
      root.write(`${work}/bin/kubeadm`, filling)
      root.write(`${work}.old/bin/kubeadm`, filling)
    },
    leftovers: [new RegExp(`^${work}[./]`), /\/capd-kubeadm-upgrader\/leftovers\.old\//],
  },
  {
    script: 'steps/restore-manifests.sh',
    args: [],
    disks: ['/etc'],
    prepare(root) {
      mkdirSync(root.path('/etc/kubernetes/manifests'), { recursive: true })
      root.write('/etc/kubernetes/manifests/kube-scheduler.yaml', 'kube-scheduler')
      for (const name of servers) root.write(`/etc/kubernetes/tmp/kubeadm-backup-manifests-1/${name}.yaml`, filling)
    },
    leftovers: [/^\/etc\/kubernetes\/tmp\/restored\.yaml$/],
  },
  {
    script: 'steps/image-list.sh',
    args: [work],
    input: filling,
    disks: ['/var'],
    prepare(root) {
      root.program(`${work}/bin/kubeadm`, 'cat "$5"')
      root.write(`${work}/cluster-configuration.yaml`, 'before')
      chmodSync(root.path(`${work}/cluster-configuration.yaml`), 0o600)
    },
    leftovers: [/\/(cluster-configuration\.yaml|images\.list)\.new$/],
  },
  {
    script: 'steps/binaries.sh',
    args: ['http://files/release', 'v1.35.4', `${work}/bin`],
    disks: ['/var'],
    prepare(root) {
      root.write('/tmp/program', program)
      // The sum of what it gives for a program.
      root.write('/tmp/sum', createHash('sha256').update(program).digest('hex'))
      root.program('/stand-ins/curl', downloading)
    },
    leftovers: [/\/bin\.partial\//],
  },
  {
    script: 'steps/binaries.sh',
    args: [`${work}/bin.copied`, 'v1.35.4', `${work}/bin`],
    disks: [],
    prepare: (root) => preparePrograms(root, `${work}/bin.copied`, program),
    bringAgain(root) {
      if (!root.has(`${work}/bin`)) preparePrograms(root, `${work}/bin.copied`, program)
    },
    leftovers: [/\/bin\.copied\//],
  },
  {
    script: 'steps/binaries-copy.sh',
    args: [work, 'v1.35.4'],
    disks: ['/var'],
    prepare(root) {
      root.write(`${work}/key`, 'v1.35.4\n')
      preparePrograms(root, '/usr/bin', versioned('v1.35.4'))
    },
    leftovers: [/\/bin\.copied\.new\//, /\/bin\.failed(\.new)?$/],
  },
  {
    script: 'steps/image-archive.sh',
    args: [work, 'v1.35.4', 'registry/a:1'],
    disks: ['/var'],
    prepare(root) {
      root.write(`${work}/key`, 'v1.35.4\n')
      root.program('/stand-ins/containerd')
      const store = '/var/lib/containerd/io.containerd.content.v1.content/blobs/sha256'
      const [manifest, layer] = ['a', 'b'].map((letter) => letter.repeat(64))
      root.write(`${store}/${manifest}`, `{"layers":[{"digest":"sha256:${layer}"}]}`)
      root.write(`${store}/${layer}`, filling)
      const listed = `echo REF TYPE DIGEST; echo registry/a:1 type sha256:${manifest}`
      root.program(
        '/stand-ins/ctr',
        `case $4 in ls) ${listed} ;; export) echo 'no space left on device' >&2; exit 1 ;; esac`,
      )
    },
    leftovers: [/\/images\.(tar\.new|failed|failed\.new)$/],
  },
  {
    script: 'steps/kubelet.sh',
    args: [work, 'v1.35.4', 'pod-infra-container-image'],
    disks: ['/usr', '/var'],
    prepare(root) {
      preparePrograms(root, '/usr/bin', versioned('v1.34.4'))
      preparePrograms(root, `${work}/bin`, versioned('v1.35.4'))
      root.write('/var/lib/kubelet/kubeadm-flags.env', `A="--pod-infra-container-image=x --b"\n${filling}`)
      chmodSync(root.path('/var/lib/kubelet/kubeadm-flags.env'), 0o600)
      root.program('/stand-ins/systemctl')
    },
    leftovers: [/^\/usr\/bin\/\..*\.new$/, /\/previous(\.new)?\//, /\/work\/exchanging$/, /\/kubeadm-flags\.env\.new$/],
  },
  {
    script: 'steps/restore-kubelet.sh',
    args: [work],
    disks: ['/usr'],
    prepare(root) {
      preparePrograms(root, '/usr/bin', versioned('v1.35.4'))
      preparePrograms(root, `${work}/previous`, versioned('v1.34.4'))
      root.program('/stand-ins/systemctl')
    },
    leftovers: [/^\/usr\/bin\/\..*\.new$/],
  },
  {
    script: 'steps/files.sh',
    args: ['/var/lib/capd-kubeadm-upgrader/files', '/etc/kubernetes/manifests'],
    input: ['/etc/lab/one.conf', '/etc/lab/deep/two.conf'].map(lineOf).join(''),
    disks: ['/etc', '/var'],
    prepare: (root) => root.write('/etc/lab/one.conf', `before\n${filling}`),
    leftovers: [/\/\.capd-kubeadm-upgrader\.new$/, /\/files\/(kept|noted|lock)$/],
  },
  ...exchangeCases,
]

// curl with the arguments of binaries.sh.
const downloading = `
while [ $# -gt 1 ]; do
  if [ "$1" = --output ]; then output=$2; fi
  shift
done
case $1 in *.sha256) file=/tmp/sum ;; *) file=/tmp/program ;; esac
cat "$file" >"$output" || exit 23
printf 200
`

function prepareControlPlane(root: Root): void {
  for (const name of servers) root.write(`/etc/kubernetes/manifests/${name}.yaml`, name)
  mkdirSync(root.path('/etc/kubernetes/tmp'), { recursive: true })
  root.program(`${work}/bin/kubeadm`, `mkdir -p ${etcdBackups}2026-02-02`)
  root.write(`${etcdBackups}2026-02-01/member/wal`, 'from before')
  addKubectl(root, `${work}/bin/kubectl`)
  root.program('/stand-ins/systemctl')
  root.program('/stand-ins/sleep')
  root.program(
    '/stand-ins/curl',
    'echo kubelet_desired_pods 1; echo kubelet_pod_worker_duration_seconds_count 1; echo 200',
  )
}

function preparePrograms(root: Root, directory: string, text: string): void {
  for (const name of ['kubeadm', 'kubectl', 'kubelet']) {
    root.write(`${directory}/${name}`, text)
    chmodSync(root.path(`${directory}/${name}`), 0o755)
  }
}

function versioned(version: string): string {
  return `#!/bin/sh\necho "Kubernetes ${version}"\n${filling}`
}

// As files.sh reads it.
function lineOf(path: string): string {
  const content = Buffer.from(filling)
  const sum = createHash('sha256').update(content).digest('hex')
  const { uid, gid } = userInfo()
  return `${path} digest 0644 ${uid} ${gid} ${sum} ${content.toString('base64')}\n`
}
