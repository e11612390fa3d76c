import { execa } from 'execa'
import type { MachineTime } from '../../scripts/docs/performance/results.ts'
import { nodeImage } from '../../scripts/lab/host/names.ts'
import { pauseCluster } from '../management/clusters.ts'
import { type Kube, workloadOf } from '../management/kube.ts'
import { containerOf, machinesOf, roleOf } from '../management/machines.ts'
import type { ScenarioRun } from '../management/scenario.ts'
import { measureServing } from '../management/serving-probes.ts'
import { until } from '../management/until.ts'
import type { Shape } from '../management/workload.ts'
import type { Role } from '../witness/role.ts'
import type { Measurement } from './orchestrate.ts'

const ignoredErrors = [
  'SystemVerification',
  'Swap',
  'FileContent--proc-sys-net-bridge-bridge-nf-call-iptables',
  // All images that are used are on the machine.
  'ImagePull',
]

const limitSeconds = 900

/**
 * Upgrades a cluster as kubernetes.io's "Upgrading kubeadm clusters" describes, with commands in each machine and without a
 * drain. The cluster is paused in Cluster API meanwhile.
 */
export async function upgradeByHand(run: ScenarioRun, shape: Shape): Promise<Measurement> {
  const { kube, site, timeline } = run
  const { to } = site.management
  const machines = await machinesOf(kube, shape.namespace, shape.name)
  const workload = await workloadOf(site.management, kube, shape)
  const source = `${shape.name}-by-hand`
  const ordered = machines.toSorted((a, b) => Number(roleOf(a) === 'worker') - Number(roleOf(b) === 'worker'))
  const hosts = ordered.map((machine, i) => ({ name: containerOf(machine), role: roleOf(machine), isFirst: i === 0 }))
  await pauseCluster(kube, shape, true)
  await startSource(source, to)
  try {
    const stop = await measureServing(kube, shape, machines, timeline.elapsed)
    // Every machine is staged first, because kube-proxy and CoreDNS are updated everywhere after the last control plane machine.
    const staging = new Map<string, number>()
    for (const { name, role } of hosts) {
      timeline.note(`${name}: staging`)
      staging.set(name, await secondsOf(timeline.elapsed, () => stage(source, name, role, to)))
    }
    const times: MachineTime[] = []
    for (const host of hosts) {
      timeline.note(`${host.name}: kubeadm, then the kubelet`)
      const begin = timeline.elapsed()
      await upgrade(host, to)
      await untilReady(workload, host, to)
      const end = timeline.elapsed()
      times.push({ machine: host.name, role: host.role, begin: begin - (staging.get(host.name) ?? 0), end })
    }
    return { machines: times, answers: await stop() }
  } finally {
    await execa('docker', ['rm', '--force', '--volumes', source], { reject: false })
    await pauseCluster(kube, shape, false)
  }
}

// Starts a container of the new node image with its containerd. Programs and images are copied from it.
async function startSource(name: string, version: string): Promise<void> {
  await execa('docker', ['rm', '--force', '--volumes', name], { reject: false })
  const flags = ['--detach', '--privileged', '--network=none', `--name=${name}`, '--entrypoint=containerd']
  await execa('docker', ['run', ...flags, nodeImage(version)])
  await until('containerd of the node image responds', 60, async () => {
    await execa('docker', ['exec', name, 'ctr', '-n=k8s.io', 'images', 'ls', '-q'])
    return true
  })
}

interface Host {
  name: string
  role: Role
  /** Whether it is upgraded with `upgrade apply`, which sets the cluster's version. */
  isFirst: boolean
}

const staged = (version: string) => `/root/${version}`

async function stage(source: string, machine: string, role: Role, version: string): Promise<void> {
  await execa('docker', ['exec', machine, 'mkdir', '-p', staged(version)])
  const listed = ['exec', source, 'kubeadm', 'config', 'images', 'list', '--kubernetes-version', version]
  const images = (await execa('docker', listed)).stdout.split('\n').filter((image) => isUsed(image, role))
  const programs = 'tar -C /usr/bin -c kubeadm kubelet kubectl'
  await pipe([source, 'sh', '-c', programs], [machine, 'tar', '-C', staged(version), '-x'])
  const platform = (await execa('docker', ['exec', source, 'uname', '-m'])).stdout === 'aarch64' ? 'arm64' : 'amd64'
  const exported = ['ctr', '-n=k8s.io', 'images', 'export', `--platform=linux/${platform}`, '-', ...images]
  await pipe([source, ...exported], [machine, 'ctr', '-n=k8s.io', 'images', 'import', '-'])
}

function isUsed(image: string, role: Role): boolean {
  if (role === 'worker') return /\/(kube-proxy|coredns):/.test(image)
  return !/\/pause:/.test(image)
}

async function pipe(from: readonly string[], to: readonly string[]): Promise<void> {
  await execa('docker', ['exec', ...from], { buffer: { stdout: false } }).pipe('docker', ['exec', '-i', ...to])
}

// https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-upgrade/
async function upgrade({ name, isFirst }: Host, version: string): Promise<void> {
  const kubeadm = `${staged(version)}/kubeadm`
  const verb = isFirst ? ['apply', version, '--yes'] : ['node']
  const flags = [`--ignore-preflight-errors=${ignoredErrors.join()}`]
  await execa('docker', ['exec', name, kubeadm, 'upgrade', ...verb, ...flags], { timeout: limitSeconds * 1000 })
  const swap = `cp ${staged(version)}/* /usr/bin/ && systemctl daemon-reload && systemctl restart kubelet`
  // A running program cannot be overwritten.
  await execa('docker', ['exec', name, 'sh', '-ec', `rm /usr/bin/kubelet; ${swap}`])
}

interface Node {
  status: { nodeInfo: { kubeletVersion: string }; conditions: { type: string; status: string }[] }
}

interface Pod {
  spec: { containers: { image: string }[] }
  status: { conditions?: { type: string; status: string }[] }
}

async function untilReady(workload: Kube, { name, role }: Host, version: string): Promise<void> {
  await until(`${name} is Ready at ${version}`, limitSeconds, async () => {
    const { status } = await workload.get<Node>('node', name)
    if (status.nodeInfo.kubeletVersion !== version || !isReady(status.conditions)) return false
    if (role === 'worker') return true
    const at = `--field-selector=spec.nodeName=${name}`
    const pods = await workload.list<Pod>('pods', '-n=kube-system', '-l=tier=control-plane', at)
    const kube = pods.filter(({ spec }) => spec.containers[0]?.image.endsWith(`:${version}`))
    return kube.length === 3 && pods.every((pod) => isReady(pod.status.conditions ?? []))
  })
}

function isReady(conditions: readonly { type: string; status: string }[]): boolean {
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
}

async function secondsOf(elapsed: () => number, work: () => Promise<unknown>): Promise<number> {
  const begun = elapsed()
  await work()
  return elapsed() - begun
}
