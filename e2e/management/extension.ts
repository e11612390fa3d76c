import type { Condition, Kube, KubeObject } from './kube.ts'
import { until } from './until.ts'
import type { Shape } from './workload.ts'

/** The extension's namespace. */
export const system = 'capd-kubeadm-upgrader-system'
/** The name of the extension's Deployment, Service and ExtensionConfig. */
export const extension = 'capd-kubeadm-upgrader'
/** The Secret of its serving certificate. */
export const certificate = `${extension}-tls`
/** The label of namespaces that the ExtensionConfig selects. */
export const enabled: Record<string, string> = { 'capd-kubeadm-upgrader': 'enabled' }

interface ExtensionConfig extends KubeObject {
  status?: { conditions?: Condition[] }
}

/**
 * Sets a misbehaviour for one cluster in the ExtensionConfig, or removes it with null. Returns when Cluster API's core manager
 * has observed the change.
 */
export async function setFault(kube: Kube, { namespace, name }: Shape, fault: string | null): Promise<void> {
  await kube.patch('extensionconfig', extension, '', { spec: { settings: { [`fault/${namespace}/${name}`]: fault } } })
  await untilDiscovered(kube)
}

/** Lets discovery fail or succeed, and triggers a new discovery. */
export async function discoveryFails(kube: Kube, fails: boolean): Promise<void> {
  const value = fails ? 'discovery-fails' : 'allow'
  await kube.run(['set', 'env', `deployment/${extension}`, `-n=${system}`, `UPGRADER_FAULTS=${value}`])
  await rolledOut(kube)
  await kube.run(['annotate', 'extensionconfig', extension, '--overwrite', `lab/discovery=${Date.now()}`])
}

/** Waits until the new pods are ready and the old ones are gone: Cluster API keeps a connection to an old one. */
export async function rolledOut(kube: Kube): Promise<void> {
  await kube.run(['rollout', 'status', `deployment/${extension}`, `-n=${system}`, '--timeout=110s'])
  await until('the old pods of the extension are gone', 60, async () => {
    const pods = await kube.list<KubeObject>('pods', `-n=${system}`)
    return pods.every(({ metadata }) => metadata.deletionTimestamp === undefined)
  })
}

/** Waits up to 90 s until an ExtensionConfig is Discovered in its newest generation. */
export async function untilDiscovered(kube: Kube, name = extension): Promise<void> {
  await until(
    `The ExtensionConfig ${name} is Discovered`,
    90,
    async () => {
      const { metadata, status } = await kube.get<ExtensionConfig>('extensionconfig', name)
      const found = status?.conditions?.find(({ type }) => type === 'Discovered')
      return found?.status === 'True' && found.observedGeneration === metadata.generation
    },
    () => kube.run(['get', 'extensionconfig', name, '-o=jsonpath={.status.conditions}']),
  )
}
