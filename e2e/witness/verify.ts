import { createPatch } from 'rfc6902'
import type { Role } from './role.ts'
import type { Snapshot } from './snapshot.ts'

/** What a machine has to be at. */
export interface Expected {
  role: Role
  version: string
  /**
   * Whether kube-proxy has to be at the version, too. Its DaemonSet updates one pod at a time, so it is at the version only
   * after all machines have its image.
   */
  kubeProxy: boolean
}

const controlPlaneComponents = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler']
const programs = ['kubeadm', 'kubelet', 'kubectl']

/**
 * Compares a machine with what it was and with what it has to be at. Returns one line for each problem; none when the
 * machine is the same one, all of it is at the version, and it is Ready.
 */
export function problems(before: Snapshot, after: Snapshot, expected: Expected): string[] {
  const found = [
    ...identityProblems(before, after),
    ...processProblems(after, expected),
    ...programProblems(after, expected.version),
    ...nodeProblems(after, expected.version),
    ...podProblems(after, expected),
    ...steadyPodProblems(before, after),
  ]
  return found.map((problem) => `${after.machine}: ${problem}`)
}

/** Reports whether all of a machine is at the version, without a comparison with an earlier snapshot. */
export function isAt(snapshot: Snapshot, expected: Expected): boolean {
  return problems(snapshot, snapshot, expected).length === 0
}

/**
 * Returns the JSON pointers at which two snapshots differ; none for a machine that nothing was done to. The Node's
 * heartbeat is left out.
 */
export function differences(before: Snapshot, after: Snapshot): string[] {
  const paths = createPatch(before, after).map(({ path }) => path)
  return paths.filter((path) => path !== '/node/heartbeat')
}

function identityProblems(before: Snapshot, after: Snapshot): string[] {
  return Object.entries(before.identity)
    .filter(([name, was]) => after.identity[name] !== was)
    .map(([name, was]) => `${name} changed from ${was} to ${after.identity[name]}: this is another machine`)
}

function processProblems({ processes }: Snapshot, { role, version, kubeProxy }: Expected): string[] {
  const components = [
    'kubelet',
    ...(role === 'control-plane' ? controlPlaneComponents : []),
    ...(kubeProxy ? ['kube-proxy'] : []),
  ]
  return components
    .filter((name) => processes[name] !== version)
    .map((name) => `the running ${name} is ${processes[name] ?? 'missing'}, expected ${version}`)
}

function programProblems({ files }: Snapshot, version: string): string[] {
  return programs
    .filter((name) => files[name] !== version)
    .map((name) => `/usr/bin/${name} is ${files[name] ?? 'missing'}, expected ${version}`)
}

function nodeProblems({ node }: Snapshot, version: string): string[] {
  return [
    ...(node.kubeletVersion === version ? [] : [`the Node reports ${node.kubeletVersion}, expected ${version}`]),
    ...(node.ready ? [] : ['the Node is not Ready']),
  ]
}

function podProblems({ machine, pods }: Snapshot, { version, kubeProxy }: Expected): string[] {
  return Object.entries(pods).flatMap(([name, { ready, images }]) => {
    const isVersioned = isComponent(name, machine) || (kubeProxy && isKubeProxy(name))
    return [
      ...(ready ? [] : [`the pod ${name} is not ready`]),
      ...(isVersioned && !images.endsWith(`:${version}`)
        ? [`the pod ${name} runs ${images}, expected ${version}`]
        : []),
    ]
  })
}

// kubeadm's static pods that carry the Kubernetes version, by the names of their mirror pods. Other static pods are the
// user's, for example kube-vip, and run any image. etcd has a version of its own.
function isComponent(pod: string, machine: string): boolean {
  return controlPlaneComponents.some((name) => pod === `kube-system/${name}-${machine}`)
}

// A pod of a DaemonSet has five characters after the name.
function isKubeProxy(pod: string): boolean {
  return /^kube-system\/kube-proxy-[a-z0-9]{5}$/.test(pod)
}

// Pods that the tests put on a machine to be kept through an in-place update.
function steadyPodProblems(before: Snapshot, after: Snapshot): string[] {
  return Object.entries(before.pods)
    .filter(([name]) => name.startsWith('default/steady'))
    .filter(([name, pod]) => after.pods[name]?.containers !== pod.containers)
    .map(([name]) => `the pod ${name} did not keep its container`)
}
