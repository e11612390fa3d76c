import type { KubeObject } from '../contract/objects.ts'
import { valueAt } from './json.ts'
import type { Role } from './versions.ts'

const capdGroup = 'infrastructure.cluster.x-k8s.io'
const bootstrapGroup = 'bootstrap.cluster.x-k8s.io'

/**
 * The backend of an infrastructure machine or template of CAPD. Machines of the docker backend are containers:
 * DockerMachine (CAPI up to v1.14), and DevMachine with `backend.docker`. Undefined for machines of other providers.
 * Source: CAPI v1.14.2 test/infrastructure/docker/api/v1beta2/{dockermachine,devmachine}_types.go.
 */
export function backendOf(infrastructure: KubeObject): 'docker' | 'inMemory' | undefined {
  if (infrastructure.apiVersion.split('/')[0] !== capdGroup) return undefined
  switch (infrastructure.kind) {
    case 'DockerMachine':
    case 'DockerMachineTemplate':
      return 'docker'
    case 'DevMachine':
      return only(infrastructure.spec)
    case 'DevMachineTemplate':
      return only(valueAt(infrastructure.spec, ['template', 'spec']))
    default:
      return undefined
  }
}

/** True for a KubeadmConfig or KubeadmConfigTemplate of CAPI's kubeadm bootstrap provider. */
export function isKubeadmConfig({ apiVersion, kind }: KubeObject): boolean {
  return apiVersion.split('/')[0] === bootstrapGroup && ['KubeadmConfig', 'KubeadmConfigTemplate'].includes(kind)
}

/** The role of a Machine, by the label that Cluster API sets on control plane machines. */
export function roleOf(machine: { metadata: { labels?: Record<string, string> | undefined } }): Role {
  return 'cluster.x-k8s.io/control-plane' in (machine.metadata.labels ?? {}) ? 'control-plane' : 'worker'
}

function only(spec: unknown) {
  const found = (['docker', 'inMemory'] as const).filter((name) => valueAt(spec, ['backend', name]) !== undefined)
  return found.length === 1 ? found[0] : undefined
}
