import { execa } from 'execa'
import type { Snapshot } from '../snapshot.ts'
import { problems } from '../verify.ts'
import type { Condition, Kube } from './kube.ts'
import { containerOf, type Machine, roleOf, snapshots } from './machines.ts'
import { until } from './until.ts'

const settleSeconds = 180

// What is wrong with machines that are said to be updated: not the same, or not at the target in every part. Pods that
// follow later (kube-proxy, CoreDNS) are given their time. `all` has a control plane machine among them.
export async function wrongWith(
  machines: Machine[],
  before: Map<string, Snapshot>,
  version: string,
  all: Machine[] = machines,
): Promise<string[]> {
  // Until the first look is done nothing is known to be so.
  let found = ['the machines could not be looked at']
  const look = async () => {
    const after = await snapshots(machines, all)
    found = machines.flatMap((machine) => {
      const [was, is] = [before.get(containerOf(machine)), after.get(containerOf(machine))]
      if (!was || !is) return [`${containerOf(machine)} was not there before`]
      return problems(was, is, roleOf(machine), version, true)
    })
    return found.length === 0
  }
  await until('all is so', settleSeconds, look).catch(() => {})
  return found
}

// What is wrong with CoreDNS' pods, which are given their time, too. Their own wish is compared: where two tags are one
// image, what runs is named by either.
export async function wrongCoredns(workload: Kube, image: string): Promise<string[]> {
  interface Pod {
    metadata: { name: string }
    spec: { containers: { image: string }[] }
    status: { conditions?: Condition[] }
  }
  let found = ['no pod of CoreDNS runs']
  const look = async () => {
    const pods = await workload.list<Pod>('pods', '-n=kube-system', '-l=k8s-app=kube-dns')
    const isReady = ({ status }: Pod) =>
      status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')
    const wrong = pods.filter((pod) => pod.spec.containers[0]?.image !== image || !isReady(pod))
    if (pods.length > 0) found = wrong.map((pod) => `${pod.metadata.name} is not Ready with ${image}`)
    return found.length === 0
  }
  await until('CoreDNS is so', settleSeconds, look).catch(() => {})
  return found
}

// The CoreDNS that kubeadm of this version installs, as the node image's own kubeadm says.
export async function corednsOf(version: string): Promise<string> {
  const { stdout } = await execa('docker', [
    ...['run', '--rm', '--network=none', '--entrypoint=kubeadm', `kindest/node:${version}`],
    ...['config', 'images', 'list', '--kubernetes-version', version],
  ])
  const image = stdout.split('\n').find((line) => line.includes('/coredns:'))
  if (image === undefined) throw new Error(`kubeadm ${version} names no CoreDNS`)
  return image
}

export const tagOf = (image: string) => image.slice(image.lastIndexOf(':') + 1)

// A pod on each worker that does nothing and has to come through an update in place as the same container.
export async function putSteadyPods(workload: Kube, workers: Machine[]): Promise<void> {
  const pods = workers.map(containerOf).map((nodeName) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `steady-${nodeName}`, namespace: 'default', labels: { app: 'steady' } },
    spec: {
      nodeName,
      terminationGracePeriodSeconds: 1,
      containers: [{ name: 'steady', image: 'registry.k8s.io/pause:3.10', imagePullPolicy: 'IfNotPresent' }],
    },
  }))
  await workload.apply(pods)
  await workload.run(['wait', 'pod', '-l=app=steady', '--for=condition=Ready', '--timeout=90s'])
}
