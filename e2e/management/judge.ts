import { execa } from 'execa'
import type { Snapshot } from '../snapshot.ts'
import { problems } from '../verify.ts'
import type { Kube } from './kube.ts'
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
  let found: string[] = []
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

// Of every machine at once, which pods run another image than the one that is wanted of this name; they are given their
// time, too.
export async function wrongImages(machines: Machine[], name: string, image: string): Promise<string[]> {
  let found: string[] = []
  const look = async () => {
    const seen = [...(await snapshots(machines)).values()]
    const pods = seen.flatMap(({ pods }) => Object.entries(pods).filter(([pod]) => pod.startsWith(`${name}-`)))
    const wrong = pods.filter(([, { images, ready }]) => images !== image || !ready)
    found = wrong.map(([pod, { images, ready }]) => `${pod} has ${images}${ready ? '' : ', and is not ready'}`)
    if (pods.length === 0) found = [`no pod of ${name} runs`]
    return found.length === 0
  }
  await until('all images are so', settleSeconds, look).catch(() => {})
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
