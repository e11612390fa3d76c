import { execa } from 'execa'
import type { Condition, Kube } from './kube.ts'
import { until } from './until.ts'

const settleSeconds = 180

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
  await until('CoreDNS is at the target', settleSeconds, look).catch(() => {})
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
