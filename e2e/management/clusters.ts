import type { Role } from '../witness/role.ts'
import type { Condition, Kube, KubeObject } from './kube.ts'
import { holds, type Machine, machinesOf } from './machines.ts'
import type { Play } from './scenario.ts'
import { enabled } from './site.ts'
import { until } from './until.ts'
import { cluster, controlPlaneOf, poolsOf, type Shape, workersOf } from './workload.ts'

interface Scaled extends KubeObject {
  spec: { replicas: number; version?: string }
  status?: {
    observedGeneration?: number
    replicas?: number
    readyReplicas?: number
    upToDateReplicas?: number
    conditions?: Condition[]
  }
}

// Makes the cluster and waits until all its machines are there; the namespace is the extension's unless told.
export async function createCluster({ kube, name }: Pick<Play, 'kube' | 'name'>, shape: Shape, labels = enabled) {
  await createNamespace(kube, shape.namespace, name, labels)
  await kube.apply(cluster(shape))
  await untilComplete(kube, shape, 600)
}

const ofScenario = 'capd-kubeadm-upgrader-scenario'

export async function createNamespace(kube: Kube, name: string, scenario: string, labels: Record<string, string>) {
  await kube.apply([
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { ...labels, [ofScenario]: scenario } } },
  ])
}

// Removes everything that a scenario has made.
export async function removeClusters(kube: Kube, scenario: string): Promise<void> {
  for (const { metadata } of await kube.list<KubeObject>('namespaces', `-l=${ofScenario}=${scenario}`)) {
    for (const found of await kube.list<KubeObject>('clusters', `-n=${metadata.name}`)) {
      await deleteCluster(kube, { namespace: metadata.name, name: found.metadata.name })
    }
    await kube.run(['delete', 'namespace', metadata.name, '--timeout=100s'])
  }
}

// All machines that are asked for are there, up to date, Ready, and none besides.
export async function untilComplete(kube: Kube, shape: Shape, limitSeconds: number): Promise<Machine[]> {
  const { namespace, name, version } = shape
  const wanted = shape.controlPlanes + shape.workers + (shape.more ?? 0)
  return until(
    `${name}: ${wanted} machines at ${version}, up to date and Ready`,
    limitSeconds,
    async () => {
      const machines = await machinesOf(kube, namespace, name)
      const all = machines.length === wanted && machines.every((machine) => isComplete(machine, version))
      return all && (await isSettled(kube, shape)) ? machines : undefined
    },
    () => kube.run(['get', 'kubeadmcontrolplane,machinedeployment,machine', `-n=${namespace}`]),
  )
}

export function isComplete(machine: Machine, version: string): boolean {
  return machine.spec.version === version && ['Ready', 'UpToDate', 'NodeReady'].every((type) => holds(machine, type))
}

// The owners have seen the newest wish, too.
async function isSettled(kube: Kube, shape: Shape): Promise<boolean> {
  const { namespace, name, controlPlanes } = shape
  const owners = [
    { kind: 'kubeadmcontrolplane', called: controlPlaneOf(name), replicas: controlPlanes },
    ...poolsOf(shape).map(({ pool, replicas }) => ({ kind: 'machinedeployment', called: pool, replicas })),
  ]
  for (const { kind, called, replicas } of owners) {
    const { metadata, spec, status } = await kube.get<Scaled>(kind, called, `-n=${namespace}`)
    const seen = status?.observedGeneration === metadata.generation && spec.replicas === replicas
    if (!seen || status?.readyReplicas !== replicas || status.upToDateReplicas !== replicas) return false
  }
  return true
}

export async function setVersion(kube: Kube, { namespace, name }: Shape, role: Role, version: string) {
  if (role === 'control-plane') {
    await kube.patch('kubeadmcontrolplane', controlPlaneOf(name), namespace, { spec: { version } })
  } else {
    await changeWorkers(kube, namespace, workersOf(name), { version })
  }
}

// A change of what a MachineDeployment's machines are made of.
export async function changeWorkers(kube: Kube, namespace: string, pool: string, spec: object): Promise<void> {
  await kube.patch('machinedeployment', pool, namespace, { spec: { template: { spec } } })
}

// All machines of the role are at the version and up to date, and nothing of it is under way.
export async function untilUpToDate(kube: Kube, shape: Shape, role: Role, version: string, limitSeconds: number) {
  const { namespace, name } = shape
  const wanted = role === 'control-plane' ? shape.controlPlanes : shape.workers
  return until(
    `${name}: ${wanted} ${role} machines at ${version}`,
    limitSeconds,
    async () => {
      const machines = await machinesOf(kube, namespace, name, role)
      return machines.length === wanted && machines.every((machine) => isComplete(machine, version)) && machines
    },
    () => kube.run(['get', 'machine', `-n=${namespace}`]),
  )
}

// Deletes the cluster and waits until it is gone, and its machines with it. Of a paused one Cluster API deletes nothing.
export async function deleteCluster(kube: Kube, { namespace, name }: Pick<Shape, 'namespace' | 'name'>): Promise<void> {
  await pauseCluster(kube, { namespace, name }, false)
  await kube.run(['delete', 'cluster', name, `-n=${namespace}`, '--wait=false'])
  await until(
    `${name} is deleted`,
    300,
    async () => !(await kube.find('cluster', name, `-n=${namespace}`)),
    () => kube.run(['get', 'machines', `-n=${namespace}`]),
  )
}

/** Lets Cluster API leave the cluster and its machines alone, or not any more. */
export async function pauseCluster(
  kube: Kube,
  { namespace, name }: Pick<Shape, 'namespace' | 'name'>,
  paused: boolean,
): Promise<void> {
  await kube.patch('cluster', name, namespace, { spec: { paused } })
}
