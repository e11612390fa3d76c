import type { Role } from '../witness/role.ts'
import { enabled } from './extension.ts'
import type { Condition, Kube, KubeObject } from './kube.ts'
import { type CapiMachine, isTrue, machinesOf } from './machines.ts'
import type { ScenarioRun } from './scenario.ts'
import { until } from './until.ts'
import { bootstrapTemplate, cluster, controlPlaneOf, type File, poolsOf, type Shape, workersOf } from './workload.ts'

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

/**
 * Creates a cluster and waits up to 600 s until it is complete. By default the namespace has the label that the
 * ExtensionConfig selects.
 */
export async function createCluster(
  { kube, name }: Pick<ScenarioRun, 'kube' | 'name'>,
  shape: Shape,
  labels = enabled,
) {
  await createNamespace(kube, shape.namespace, name, labels)
  await kube.apply(cluster(shape))
  await untilComplete(kube, shape, 600)
}

const ofScenario = 'capd-kubeadm-upgrader-scenario'

/** Creates a namespace that belongs to a scenario. */
export async function createNamespace(kube: Kube, name: string, scenario: string, labels: Record<string, string>) {
  await kube.apply([
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { ...labels, [ofScenario]: scenario } } },
  ])
}

/** Deletes the clusters and the namespaces of a scenario. */
export async function removeClusters(kube: Kube, scenario: string): Promise<void> {
  for (const { metadata } of await kube.list<KubeObject>('namespaces', `-l=${ofScenario}=${scenario}`)) {
    for (const found of await kube.list<KubeObject>('clusters', `-n=${metadata.name}`)) {
      await deleteCluster(kube, { namespace: metadata.name, name: found.metadata.name })
    }
    await kube.run(['delete', 'namespace', metadata.name, '--timeout=100s'])
  }
}

/** Waits until a cluster has exactly the machines of its shape, all of them up to date and Ready. */
export async function untilComplete(kube: Kube, shape: Shape, limitSeconds: number): Promise<CapiMachine[]> {
  const { namespace, name, version } = shape
  const count = shape.controlPlanes + shape.workers + (shape.more ?? 0)
  return until(
    `${name}: ${count} machines at ${version}, up to date and Ready`,
    limitSeconds,
    async () => {
      const machines = await machinesOf(kube, namespace, name)
      const all = machines.length === count && machines.every((machine) => isComplete(machine, version))
      return all && (await isSettled(kube, shape)) ? machines : undefined
    },
    () => kube.run(['get', 'kubeadmcontrolplane,machinedeployment,machine', `-n=${namespace}`]),
  )
}

/** Reports whether a Machine is at a version, up to date and Ready. */
export function isComplete(machine: CapiMachine, version: string): boolean {
  return machine.spec.version === version && ['Ready', 'UpToDate', 'NodeReady'].every((type) => isTrue(machine, type))
}

// The owners of the machines have observed their newest generation.
async function isSettled(kube: Kube, shape: Shape): Promise<boolean> {
  const { namespace, name, controlPlanes } = shape
  const owners = [
    { kind: 'kubeadmcontrolplane', called: controlPlaneOf(name), replicas: controlPlanes },
    ...poolsOf(shape).map(({ pool, replicas }) => ({ kind: 'machinedeployment', called: pool, replicas })),
  ]
  for (const { kind, called, replicas } of owners) {
    const { metadata, spec, status } = await kube.get<Scaled>(kind, called, `-n=${namespace}`)
    const isObserved = status?.observedGeneration === metadata.generation && spec.replicas === replicas
    if (!isObserved || status?.readyReplicas !== replicas || status.upToDateReplicas !== replicas) return false
  }
  return true
}

/** Sets the version of a role's machines in their owner. */
export async function setVersion(kube: Kube, { namespace, name }: Shape, role: Role, version: string) {
  if (role === 'control-plane') {
    await kube.patch('kubeadmcontrolplane', controlPlaneOf(name), namespace, { spec: { version } })
  } else {
    await changeWorkers(kube, namespace, workersOf(name), { version })
  }
}

/** Changes the template of a MachineDeployment's machines. */
export async function changeWorkers(kube: Kube, namespace: string, pool: string, spec: object): Promise<void> {
  await kube.patch('machinedeployment', pool, namespace, { spec: { template: { spec } } })
}

/**
 * Sets the files of a role's machines. Cluster API compares templates by name, so a MachineDeployment gets a new one, whose
 * name is `template`.
 */
export async function setFiles({ kube }: ScenarioRun, shape: Shape, role: Role, files: File[], template: string) {
  const { namespace, name } = shape
  if (role === 'control-plane') {
    await kube.patch('kubeadmcontrolplane', controlPlaneOf(name), namespace, { spec: { kubeadmConfigSpec: { files } } })
    return
  }
  await kube.apply([bootstrapTemplate(namespace, template, { files })])
  await changeWorkers(kube, namespace, workersOf(name), { bootstrap: { configRef: { name: template } } })
}

/** Waits until all machines of a role are at a version, up to date and Ready, and returns them. */
export async function untilUpToDate(kube: Kube, shape: Shape, role: Role, version: string, limitSeconds: number) {
  const { namespace, name } = shape
  const count = role === 'control-plane' ? shape.controlPlanes : shape.workers
  return until(
    `${name}: ${count} ${role} machines at ${version}`,
    limitSeconds,
    async () => {
      const machines = await machinesOf(kube, namespace, name, role)
      return machines.length === count && machines.every((machine) => isComplete(machine, version)) && machines
    },
    () => kube.run(['get', 'machine', `-n=${namespace}`]),
  )
}

/** Deletes a cluster and waits up to 300 s until it is gone. It is unpaused first, as Cluster API deletes no paused cluster. */
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

/** Pauses or unpauses the reconciliation of a cluster. */
export async function pauseCluster(
  kube: Kube,
  { namespace, name }: Pick<Shape, 'namespace' | 'name'>,
  paused: boolean,
): Promise<void> {
  await kube.patch('cluster', name, namespace, { spec: { paused } })
}
