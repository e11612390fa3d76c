import type { KubeObject } from '../contract/objects.ts'
import { valueAt } from './diff.ts'

const capdGroup = 'infrastructure.cluster.x-k8s.io'

// True for a machine, or machine template, that is a Docker container: DockerMachine (CAPI up to v1.14) and
// DevMachine with the docker backend. The in-memory backend and other providers' machines are not ours.
// Source: CAPI v1.14.2 test/infrastructure/docker/api/v1beta2/{dockermachine,devmachine}_types.go.
export function isDockerMachine(infrastructure: KubeObject): boolean {
  if (infrastructure.apiVersion.split('/')[0] !== capdGroup) return false
  switch (infrastructure.kind) {
    case 'DockerMachine':
    case 'DockerMachineTemplate':
      return true
    case 'DevMachine':
      return hasDockerBackend(infrastructure.spec)
    case 'DevMachineTemplate':
      return hasDockerBackend(valueAt(infrastructure.spec, ['template', 'spec']))
    default:
      return false
  }
}

function hasDockerBackend(spec: unknown): boolean {
  return valueAt(spec, ['backend', 'docker']) !== undefined && valueAt(spec, ['backend', 'inMemory']) === undefined
}
