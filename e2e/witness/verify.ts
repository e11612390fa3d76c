import { createPatch } from 'rfc6902'
import type { Role } from './role.ts'
import type { Snapshot } from './snapshot.ts'

// What is wrong with a machine that is said to be at the target; empty when all is well. kube-proxy's DaemonSet moves
// one pod at a time, so it is at the target only when all machines have its image.
export function problems(before: Snapshot, after: Snapshot, role: Role, target: string, kubeProxy: boolean): string[] {
  const found: string[] = []
  const expect = (ok: boolean, problem: string) => ok || found.push(`${after.machine}: ${problem}`)
  for (const [name, was] of Object.entries(before.identity)) {
    expect(after.identity[name] === was, `${name} changed from ${was} to ${after.identity[name]}: not the same machine`)
  }
  const kubernetes =
    role === 'control-plane' ? ['kubelet', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] : ['kubelet']
  for (const name of [...kubernetes, ...(kubeProxy ? ['kube-proxy'] : [])]) {
    expect(
      after.processes[name] === target,
      `the ${name} that runs is ${after.processes[name] ?? 'none'}, not ${target}`,
    )
  }
  for (const [name, version] of Object.entries(after.files)) {
    expect(version === target, `/usr/bin/${name} is ${version}, not ${target}`)
  }
  expect(after.node.kubeletVersion === target, `the Node says ${after.node.kubeletVersion}, not ${target}`)
  expect(after.node.ready, 'the Node is not Ready')
  for (const [name, pod] of Object.entries(after.pods)) {
    expect(pod.ready, `the pod ${name} is not ready`)
    if (/^kube-/.test(name) && (kubeProxy || !/^kube-proxy-/.test(name)))
      expect(pod.images.endsWith(`:${target}`), `the pod ${name} has ${pod.images}`)
  }
  for (const [name, pod] of Object.entries(before.pods).filter(([name]) => /^steady/.test(name)))
    expect(after.pods[name]?.containers === pod.containers, `the pod ${name} did not keep its container`)
  return found
}

// Where two looks differ, but for the heartbeat, as JSON pointers; empty for a machine that was left alone.
export function changes(before: Snapshot, after: Snapshot): string[] {
  const paths = createPatch(before, after).map(({ path }) => path)
  return paths.filter((path) => path !== '/node/heartbeat')
}

// True when everything of the machine is at the version.
export function isAt(snapshot: Snapshot, role: Role, version: string, kubeProxy: boolean): boolean {
  return problems(snapshot, snapshot, role, version, kubeProxy).length === 0
}
