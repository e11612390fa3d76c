import { chmodSync } from 'node:fs'
import type { Root } from './rooted.ts'

export const work = '/var/lib/capd-kubeadm-upgrader/work'
export const staged = '/etc/kubernetes/tmp/capd-kubeadm-upgrader'
export const manifests = '/etc/kubernetes/manifests'
export const pods = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler']
export const programs = ['kubelet', 'kubectl', 'kubeadm']

// No process of the host has such a number (proc_pid_max(5): the largest limit is 4194304).
const firstPid = 4_194_401
const kubeletPid = firstPid + 10
// True where the static pods are those of the new version.
const isNew = `grep -q v1.35.4 ${manifests}/kube-apiserver.yaml`

/** What of a machine differs from test to test. */
export interface Shape {
  /** What stands at the end of each file, to make it larger. */
  filling?: string
  etcd?: { before: string; after: string }
  /** The versions of the programs before and after. */
  versions?: { before: string; after: string }
  /** Real processes that run as these static pods. */
  pids?: Record<string, number>
}

/** A manifest with what the shell files read of it. */
export function manifestOf(pod: string, tag: string, filling = ''): string {
  const lines = [
    'apiVersion: v1',
    'kind: Pod',
    'metadata:',
    '  annotations:',
    '    kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint: 10.0.0.2:6443',
    'spec:',
    '  containers:',
    '  - command:',
    '    - --listen-client-urls=https://127.0.0.1:2379,https://10.0.0.2:2379',
    '    - --listen-metrics-urls=http://127.0.0.1:2381',
    ...['trusted-ca-file=ca.crt', 'cert-file=server.crt', 'key-file=server.key'].map((flag) => `    - --${flag}`),
    `    image: registry.k8s.io/${pod}:${tag}`,
  ]
  return `${lines.join('\n')}\n${filling}`
}

/** A control plane machine that is prepared for its exchange, at an old version; its load balancer has another machine. */
export function prepareMachine(root: Root, shape: Shape = {}): void {
  const { filling = '', versions = { before: 'v1.34.4', after: 'v1.35.4' } } = shape
  const etcd = shape.etcd ?? { before: '3.6.5-0', after: '3.6.6-0' }
  for (const pod of pods) {
    const { before, after } = pod === 'etcd' ? etcd : versions
    const [old, rendered] = [manifestOf(pod, before, filling), manifestOf(pod, after, filling)]
    putManifest(root, `${manifests}/${pod}.yaml`, old)
    putManifest(root, `${work}/before/manifests/${pod}.yaml`, old)
    putManifest(root, `${work}/rendered/${pod}.yaml`, rendered)
    if (old !== rendered) putManifest(root, `${staged}/${pod}.yaml`, rendered)
  }
  for (const name of programs) {
    putProgram(root, `/usr/bin/${name}`, versions.before, filling)
    putProgram(root, `${work}/before/${name}`, versions.before, filling)
    putProgram(root, `${work}/bin/${name}`, versions.after, filling)
    if (versions.before !== versions.after) putProgram(root, `/usr/bin/.${name}.new`, versions.after, filling)
  }
  for (const name of ['config.yaml', 'kubeadm-flags.env']) {
    root.write(`${work}/before/${name}`, `old ${name}\n${filling}`)
    root.write(`/var/lib/kubelet/${name}`, `new ${name}\n${filling}`)
  }
  root.write(`${work}/prepared`, '')
  root.write('/etc/kubernetes/admin.conf', 'clusters:\n- cluster:\n    server: https://10.0.0.9:6443\n  name: lab\n')
  addStandIns(root, shape.pids)
}

/** Puts the programs that the shell files of an exchange call into the root: everything is well. */
export function addStandIns(root: Root, pids: Record<string, number> = {}): void {
  root.write('/proc/uptime', '1000.00 0\n')
  const tasks = pods.map((pod, i) => {
    const pid = pids[pod] ?? firstPid + i
    const fields = Array<number>(18).fill(0)
    root.write(`/proc/${pid}/stat`, `${pid} (a (b) c) S ${fields.join(' ')} 100 0 0\n`)
    return `id-${pod} ${pid} RUNNING`
  })
  root.write('/tmp/tasks', ['TASK PID STATUS', ...tasks, 'id-other 1 RUNNING', ''].join('\n'))
  root.program(
    '/stand-ins/ctr',
    `for last; do :; done\ncase $3 in containers) echo "id-\${last##*==}" ;; tasks) command -p cat /tmp/tasks  ;; esac`,
  )
  balanceWith(root, ['cp-1 UP', 'cp-2 UP'])
  root.program('/stand-ins/kubectl', 'printf ok')
  root.write(`/proc/${kubeletPid}/stat`, `${kubeletPid} (kubelet) S ${Array(18).fill(0).join(' ')} 100 0 0\n`)
  const isBroken = `[ -e /tmp/broken-kubelet ] && ${isNew}`
  root.program('/stand-ins/systemctl', `[ "$1" != show ] || { ${isBroken} && echo 0 || echo ${kubeletPid}; }`)
  root.program('/stand-ins/journalctl', 'echo "a line of the kubelet"')
  root.program('/stand-ins/sleep', 'command -p sleep 0.01')
}

/** What asks by HTTP: the load balancer has these servers, each with its state; no servers: it has no page. */
export function balanceWith(root: Root, servers: string[], status = 303): void {
  const rows = servers.map((server) => {
    const [name, state] = server.split(' ')
    return `kube-apiservers,${name},${','.repeat(15)}${state},1`
  })
  root.write('/tmp/rows', ['# pxname,svname', 'kube-apiservers,FRONTEND', ...rows, ''].join('\n'))
  root.program(
    '/stand-ins/curl',
    `case "$*" in
      *--data*) printf ${status} ;;
      *csv) ${servers.length === 0 ? 'exit 7' : `command -p cat /tmp/rows`} ;;
      *) echo '{"health":"true"}' ;;
    esac`,
  )
}

/** Lets etcd of this machine, the member 11 of three, have this leader. It cannot give its leadership to the member 12. */
export function leadWith(root: Root, leader: string): void {
  const others = root.read('/stand-ins/curl').replace(/^#!.*\n/, '')
  root.program(
    '/stand-ins/curl',
    `case "$*" in
      *maintenance/status) echo '{"header":{"member_id":"11", "raft_term":"2"}, "leader":"${leader}"}'; exit ;;
      *member/list) echo '{"header":{"member_id":"11"}, "members":[{"ID":"11"}, {"ID": "12"}, {"ID":"13"}]}'; exit ;;
      *'"12"'*transfer-leadership) exit 22 ;;
      *transfer-leadership) echo '{}'; exit ;;
    esac
    ${others}`,
  )
}

/** Lets a component of the new version not get well. What was there before is well. */
export function breakIt(root: Root, component: string): void {
  // One that systemd starts again and again has no process at the moment.
  if (component === 'kubelet') root.write('/tmp/broken-kubelet', '')
  if (component === 'kube-apiserver') root.program('/stand-ins/kubectl', `${isNew} || printf ok`)
  if (component === 'etcd') {
    const others = `*--data*) printf 303 ;; *csv) command -p cat /tmp/rows  ;;`
    const health = `*) ${isNew} || echo '{"health":"true"}' ;;`
    root.program('/stand-ins/curl', `case "$*" in ${others} ${health} esac`)
  }
}

function putManifest(root: Root, path: string, text: string): void {
  root.write(path, text)
  chmodSync(root.path(path), 0o600)
}

function putProgram(root: Root, path: string, version: string, filling: string): void {
  root.write(path, `#!/bin/sh\necho "Kubernetes ${version}"\n${filling}`)
  chmodSync(root.path(path), 0o755)
}
