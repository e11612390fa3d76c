import type { KubeObject } from '../contract/objects.ts'
import { valueAt } from './json.ts'
import type { Role } from './versions.ts'

const capdGroup = 'infrastructure.cluster.x-k8s.io'
const bootstrapGroup = 'bootstrap.cluster.x-k8s.io'

/**
 * What CAPD runs a machine, or the machines of a template, on: DockerMachine (CAPI up to v1.14) and DevMachine with the
 * docker backend are containers. Undefined for other providers' machines.
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

/** True for the bootstrap provider kubeadm's object, or the template of one. Other providers' machines have no kubeadm. */
export function isKubeadmConfig({ apiVersion, kind }: KubeObject): boolean {
  return apiVersion.split('/')[0] === bootstrapGroup && ['KubeadmConfig', 'KubeadmConfigTemplate'].includes(kind)
}

/** The role of a Machine: Cluster API labels those of a control plane. */
export function roleOf(machine: { metadata: { labels?: Record<string, string> | undefined } }): Role {
  return 'cluster.x-k8s.io/control-plane' in (machine.metadata.labels ?? {}) ? 'control-plane' : 'worker'
}

function only(spec: unknown) {
  const found = (['docker', 'inMemory'] as const).filter((name) => valueAt(spec, ['backend', name]) !== undefined)
  return found.length === 1 ? found[0] : undefined
}
