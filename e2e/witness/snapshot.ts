import { execa } from 'execa'
import { kubectlJson, shellIn } from './exec.ts'

// What a machine is and what runs in it, read by docker, kubectl and from the processes themselves. Nothing of
// src/ is used here: this is the witness against it.
export interface Snapshot {
  machine: string
  // What makes the machine the same one. The host's boot ID proves nothing: all containers share it.
  identity: Record<string, string>
  // Name of each Kubernetes program to the version that its running process says it is.
  processes: Record<string, string>
  // The same for the programs in /usr/bin.
  files: Record<string, string>
  node: { ready: boolean; kubeletVersion: string; heartbeat: string }
  // Pod to the images that its containers run, for all pods on the machine; and whether all are ready.
  pods: Record<string, { images: string; ready: boolean; containers: string }>
}

interface Node {
  metadata: { uid: string }
  status: {
    nodeInfo: { kubeletVersion: string }
    conditions: { type: string; status: string; lastHeartbeatTime: string }[]
  }
}

interface Pod {
  metadata: { name: string; namespace: string }
  status: {
    containerStatuses?: { image: string; ready: boolean; containerID: string; restartCount: number }[]
  }
}

const programs = ['kubelet', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kube-proxy', 'etcd']

export async function snapshot(machine: string, controlPlane: string): Promise<Snapshot> {
  // Not beside each other: a program in /usr/bin that is asked for its version is a process of its name, too.
  const processes = await processesOf(machine)
  const [identity, files, node, pods] = await Promise.all([
    identityOf(machine),
    filesOf(machine),
    kubectlJson<Node>(controlPlane, 'get', 'node', machine),
    kubectlJson<{ items: Pod[] }>(controlPlane, 'get', 'pods', '-A', `--field-selector=spec.nodeName=${machine}`),
  ])
  const ready = node.status.conditions.find(({ type }) => type === 'Ready')
  return {
    machine,
    identity: { ...identity, 'Node UID': node.metadata.uid },
    processes,
    files,
    node: {
      ready: ready?.status === 'True',
      kubeletVersion: node.status.nodeInfo.kubeletVersion,
      heartbeat: ready?.lastHeartbeatTime ?? '',
    },
    pods: Object.fromEntries(pods.items.map((pod) => [pod.metadata.name, podOf(pod)])),
  }
}

async function identityOf(machine: string): Promise<Record<string, string>> {
  const { stdout } = await execa('docker', [
    'inspect',
    '--format={{.Id}} {{.State.StartedAt}} {{.RestartCount}}',
    machine,
  ])
  const [id = '', startedAt = '', restarts = ''] = stdout.split(' ')
  return {
    'container id': id.slice(0, 12),
    'container started': startedAt,
    'container restarts': restarts,
    'machine-id': await shellIn(machine, 'cat /etc/machine-id'),
    // Field 22: start of the process in clock ticks since boot (proc_pid_stat(5)).
    'start of PID 1': await shellIn(machine, "cut -d' ' -f22 /proc/1/stat"),
  }
}

// Each running program is asked for its version through /proc/<pid>/exe, which is the program that runs even if
// its file has been replaced or belongs to a container.
async function processesOf(machine: string): Promise<Record<string, string>> {
  const ask = programs.map(
    (name) =>
      `for pid in $(pgrep -x ${name.slice(0, 15)}); do echo "${name}=$(/proc/$pid/exe --version 2>/dev/null | head -n 1)"; done`,
  )
  // One that says nothing has ended since: the service asks a program for its version, too.
  const said = (await shellIn(machine, ask.join('\n'))).split('\n').filter((line) => !line.endsWith('='))
  return versionsIn(said.join('\n'))
}

async function filesOf(machine: string): Promise<Record<string, string>> {
  const ask = [
    'echo kubeadm=$(kubeadm version -o short)',
    'echo kubelet=$(kubelet --version)',
    'echo kubectl=$(kubectl version --client)',
  ]
  return versionsIn(await shellIn(machine, ask.join('\n')))
}

// A program that runs twice shows both versions, so that an old one cannot hide behind a new one.
function versionsIn(output: string): Record<string, string> {
  const found: Record<string, string> = {}
  for (const line of output.split('\n').filter(Boolean)) {
    const [name = '', said = ''] = line.split('=')
    const version = /v?\d+\.\d+\.\d+[^\s]*/.exec(said)?.[0] ?? said
    found[name] = found[name] && found[name] !== version ? `${found[name]}, ${version}` : version
  }
  return found
}

function podOf({ status }: Pod) {
  const containers = status.containerStatuses ?? []
  return {
    images: containers.map(({ image }) => image).join(', '),
    ready: containers.length > 0 && containers.every(({ ready }) => ready),
    containers: containers.map(({ containerID, restartCount }) => `${containerID} ${restartCount}`).join(', '),
  }
}
