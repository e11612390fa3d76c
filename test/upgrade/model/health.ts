import { imageIn, type SimulatedMachine } from '../../fake-docker/machine.ts'

const kubernetesPods = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler']

/** What a simulated machine really runs, whatever anyone has noted of it. */
export interface Running {
  kubelet: string
  /** The version of the static pods; undefined on a worker, and where they are not all there at one version. */
  pods: string | undefined
  /** Why the machine is not Ready as it is; empty where it is. */
  ailments: string[]
}

/** Looks at the machine itself, past every shell file. */
export function runningOn(machine: SimulatedMachine): Running {
  const { kubelet, cluster, name, role, files } = machine
  const node = cluster.nodes.get(name)
  const ailments: string[] = []
  if (!kubelet.healthy || kubelet.pid === 0) ailments.push('the kubelet is not healthy')
  if (node?.kubeletVersion !== kubelet.version || !node.ready) ailments.push('the Node is not Ready')
  const programs = new Set(['kubeadm', 'kubectl', 'kubelet'].map((program) => files.get(`/usr/bin/${program}`)))
  if (programs.size !== 1 || !programs.has(kubelet.version)) ailments.push('the programs are of several versions')
  const pods = role === 'worker' ? undefined : podsOn(machine, ailments)
  return { kubelet: kubelet.version, pods, ailments }
}

/** True when the machine runs the version and is Ready. */
export function runs(machine: SimulatedMachine, version: string): boolean {
  const { kubelet, pods, ailments } = runningOn(machine)
  return kubelet === version && ailments.length === 0 && (machine.role === 'worker' || pods === version)
}

function podsOn({ manifests, containers, apiServer }: SimulatedMachine, ailments: string[]): string | undefined {
  const versions = new Set(kubernetesPods.map((name) => imageIn(manifests[name] ?? '').split(':')[1]))
  const [version] = versions
  if (versions.size !== 1 || version === undefined) ailments.push('the manifests are of several versions')
  if (!('etcd' in manifests)) ailments.push('etcd has no manifest')
  const running = new Set(containers.values())
  for (const [name, manifest] of Object.entries(manifests)) {
    if (!running.has(imageIn(manifest))) ailments.push(`${name} does not run`)
  }
  if (!apiServer?.answers || !apiServer.ready) ailments.push('the API server is not ready')
  return versions.size === 1 ? version : undefined
}
