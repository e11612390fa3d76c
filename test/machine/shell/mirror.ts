import { mkdirSync } from 'node:fs'
import { stateDirectory } from '../../../src/machine/machine.ts'
import type { Lab } from '../../fake-docker/lab.ts'
import type { SimulatedMachine } from '../../fake-docker/machine.ts'
import { createRoot, type Root } from '../../upgrade/shell/rooted.ts'
import { addSystemd } from './systemd.ts'

/** A real root that is like a simulated machine at this moment, with these paths in its API. */
export function mirrorOf(lab: Lab, name: string, paths: readonly string[] = []): Root {
  const machine = lab.machine(name)
  const root = createRoot()
  root.write('/proc/uptime', `${machine.uptime} 0\n`)
  root.write('/proc/sys/kernel/random/boot_id', `${machine.bootId}\n`)
  root.program('/stand-ins/date', `echo ${Math.floor(machine.clock.now() / 1000)}`)
  addFiles(root, machine)
  addHost(root)
  addUnits(root, machine)
  addKubelet(root, machine)
  addContainerd(root, machine)
  addSpace(root, machine)
  addApi(root, machine, paths)
  return root
}

function addFiles(root: Root, machine: SimulatedMachine): void {
  root.write('/etc/kubernetes/pki/ca.crt', machine.ca)
  mkdirSync(root.path('/etc/kubernetes/manifests'))
  for (const [pod, image] of Object.entries(machine.manifests)) {
    root.write(`/etc/kubernetes/manifests/${pod}.yaml`, `kind: Pod\nspec:\n  containers:\n    - image: ${image}\n`)
  }
  for (const [path, content] of machine.files) {
    if (path.startsWith(stateDirectory) || path.startsWith('/var/lib/etcd/')) root.write(path, content)
  }
}

// As a machine of kubeadm's on a host with cgroup v2.
function addHost(root: Root): void {
  root.write('/sys/fs/cgroup/cgroup.controllers', 'cpu memory\n')
  root.write('/etc/kubernetes/kubelet.conf', 'apiVersion: v1\nkind: Config\n')
  root.write('/var/lib/kubelet/config.yaml', 'kind: KubeletConfiguration\n')
  root.write('/ctr/version', 'Client:\n  Version:  v2.2.9\n\nServer:\n  Version:  v2.3.4\n  UUID: 1\n')
}

function addUnits(root: Root, { units }: SimulatedMachine): void {
  addSystemd(root, units.starts.length)
  const journal: string[] = []
  for (const block of units.show().split('\n\n').filter(Boolean)) {
    const [, id] = /^Id=(.*)$/m.exec(block) ?? []
    root.write(`/units/${id}`, `${block}\n`)
    if (block.includes('ActiveState=failed')) journal.push(/^InvocationID=(.*)$/m.exec(block)?.[1] ?? '')
  }
  // Only one unit fails at a time in these tests, so the log is its log.
  root.write('/journal', units.logs())
  root.program('/stand-ins/journalctl', `[ "$2" = _SYSTEMD_INVOCATION_ID=${journal[0]} ] && cat $MACHINE_ROOT/journal`)
}

function addKubelet(root: Root, { kubelet, kubeletRun, etcdHealthy }: SimulatedMachine): void {
  const { pid, restarts, version, startedAt, healthy } = kubelet
  root.write('/units/kubelet.service', `MainPID=${pid}\nNRestarts=${restarts}\nInvocationID=${kubeletRun}\n`)
  root.program(`/proc/${pid}/exe`, `echo "Kubernetes ${version}"`)
  if (pid > 0) root.write(`/proc/${pid}/comm`, 'kubelet\n')
  addProcess(root, pid, startedAt)
  const health = `{"health":"${etcdHealthy}","reason":""}`
  root.program(
    '/stand-ins/curl',
    `case "$*" in *:10248/healthz) printf '${healthy ? 'ok' : ''}' ;; */health) echo '${health}' ;; *) exit 2 ;; esac`,
  )
}

function addContainerd(root: Root, machine: SimulatedMachine): void {
  if (!machine.containerdAnswers) {
    root.program('/stand-ins/ctr', 'echo "ctr: connection refused" >&2; exit 1')
    return
  }
  const containers = [...machine.containers]
  const tasks = containers.map(([id], i) => `${id} ${1000 + i} RUNNING`)
  for (const [i, [id]] of containers.entries()) addProcess(root, 1000 + i, machine.containerStarts.get(id) ?? 0)
  const listed = containers.map(([id, image]) => `${id} ${image} io.containerd.runc.v2`)
  const images = [...machine.images].map(
    ([name, digest]) => `${name} application/json ${digest} 21.3 MiB linux/amd64 -`,
  )
  root.write('/ctr/tasks', ['TASK PID STATUS', ...tasks, 'stopped 999 STOPPED', ''].join('\n'))
  root.write('/ctr/containers', ['CONTAINER IMAGE RUNTIME', ...listed, 'stopped an-image runc', ''].join('\n'))
  root.write('/ctr/images', ['REF TYPE DIGEST SIZE PLATFORMS LABELS', ...images, ''].join('\n'))
  root.program(
    '/stand-ins/ctr',
    `[ "$*" = version ] && exec cat $MACHINE_ROOT/ctr/version\n[ "$1 $2 $4" = "-n k8s.io ls" ] && cat $MACHINE_ROOT/ctr/$3`,
  )
}

// The kernel's account of a process whose name has brackets and spaces in it.
function addProcess(root: Root, pid: number, startedAt: number): void {
  const fields = Array<number>(18).fill(0)
  root.write(`/proc/${pid}/stat`, `${pid} (a (b) c) S ${fields.join(' ')} ${startedAt * 100} 0 0\n`)
}

function addSpace(root: Root, { freeMiB }: SimulatedMachine): void {
  root.program('/stand-ins/df', `echo head; echo "disk 1 1 ${freeMiB * 1024} 1% /"`)
  root.program('/stand-ins/du', `printf '100\\t%s\\n' "$2"`)
}

function addApi(root: Root, machine: SimulatedMachine, paths: readonly string[]): void {
  const cases = paths.map((path, i) => {
    const { exitCode, stdout, stderr } = machine.cluster.get(machine, path)
    root.write(`/api/${i}.out`, stdout)
    root.write(`/api/${i}.err`, stderr)
    return `*"--raw=${path}") cat $MACHINE_ROOT/api/${i}.out; cat $MACHINE_ROOT/api/${i}.err >&2; exit ${exitCode} ;;`
  })
  root.program(
    '/stand-ins/kubectl',
    `case "$*" in *"config view"*) echo https://10.0.0.2:6443 ;;\n${cases.join('\n')}\n*) exit 64 ;; esac`,
  )
}
