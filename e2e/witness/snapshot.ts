import { execa } from 'execa'
import { kubectlJson, shellIn } from './exec.ts'

/**
 * What a machine is and what runs in it, read with docker and kubectl and from the processes themselves. It uses nothing of
 * src/, because it is the evidence against it.
 */
export interface Snapshot {
  /** The container, which is also the Node. */
  machine: string
  /** What makes it the same machine. The boot ID is not part of it: all containers share the host's. */
  identity: Record<string, string>
  /** The version of each Kubernetes program that runs, as the process itself reports it; several with commas. */
  processes: Record<string, string>
  /** The versions of the programs in /usr/bin. */
  files: Record<string, string>
  node: { ready: boolean; kubeletVersion: string; heartbeat: string }
  /** All pods on the machine, by namespace/name: their images, their readiness, and container ids with restart counts. */
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

/**
 * Takes a snapshot of a machine; the Node and the pods are read through kubectl in a control plane machine. Throws when the
 * machine or the API server does not answer.
 */
export async function snapshot(machine: string, controlPlane: string): Promise<Snapshot> {
  // One after the other: `kubelet --version` for the files is a process called kubelet, too.
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
    pods: podsOf(pods.items),
  }
}

/** Returns the entry of a snapshot for each pod, by namespace/name. A pod without containers is not ready. */
export function podsOf(pods: readonly Pod[]): Snapshot['pods'] {
  return Object.fromEntries(
    pods.map(({ metadata: { namespace, name }, status: { containerStatuses: containers = [] } }) => [
      `${namespace}/${name}`,
      {
        images: containers.map(({ image }) => image).join(', '),
        ready: containers.length > 0 && containers.every(({ ready }) => ready),
        containers: containers.map(({ containerID, restartCount }) => `${containerID} ${restartCount}`).join(', '),
      },
    ]),
  )
}

/**
 * Reads lines of the form `<program>=<output of its --version>`. A program that occurs with several versions has all of
 * them, so that an old process cannot hide behind a new one. Output without a version is kept as it is.
 */
export function versionsIn(output: string): Record<string, string> {
  const found: Record<string, string> = {}
  for (const line of output.split('\n').filter(Boolean)) {
    const [name = '', text = ''] = line.split('=')
    const version = /v?\d+\.\d+\.\d+[^\s]*/.exec(text)?.[0] ?? text
    found[name] = found[name] && found[name] !== version ? `${found[name]}, ${version}` : version
  }
  return found
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

// /proc/<pid>/exe is the program that runs, even if its file has been replaced or belongs to a container.
async function processesOf(machine: string): Promise<Record<string, string>> {
  const script = programs.map(
    (name) =>
      `for pid in $(pgrep -x ${name.slice(0, 15)}); do echo "${name}=$(/proc/$pid/exe --version 2>/dev/null | head -n 1)"; done`,
  )
  // A process without output has ended since: the service runs `kubelet --version` too.
  const lines = (await shellIn(machine, script.join('\n'))).split('\n').filter((line) => !line.endsWith('='))
  return versionsIn(lines.join('\n'))
}

async function filesOf(machine: string): Promise<Record<string, string>> {
  const script = [
    'echo kubeadm=$(kubeadm version -o short)',
    'echo kubelet=$(kubelet --version)',
    'echo kubectl=$(kubectl version --client)',
  ]
  return versionsIn(await shellIn(machine, script.join('\n')))
}
