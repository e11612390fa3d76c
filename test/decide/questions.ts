import type { KubeObject } from '../../src/contract/objects.ts'
import type { Question } from '../../src/decide/question.ts'
import type { Role } from '../../src/kubernetes/versions.ts'

// Both sides of an object's spec.
export type Sides = [current: unknown, desired: unknown]

interface Wish {
  role?: Role
  changes?: Question['changes']
  inMemory?: Question['inMemory']
  exchange?: Question['exchange']
  disableInPlaceUpdates?: Question['disableInPlaceUpdates']
  versions?: [from: string | undefined, to: string | undefined]
  machine?: Sides
  infrastructure?: Sides
  bootstrap?: Sides
  kind?: string
  apiVersion?: string
}

const docker = { backend: { docker: {} } }

// A question about one machine, a docker DevMachine from v1.34.4 to v1.35.4 by default.
export function question({
  role = 'control-plane',
  changes = 'all',
  inMemory = 'no-opinion',
  exchange = 'together',
  disableInPlaceUpdates = 'false',
  versions = ['v1.34.4', 'v1.35.4'],
  ...rest
}: Wish = {}) {
  const { machine = [{}, {}], infrastructure = [docker, docker], bootstrap = [{}, {}] } = rest
  const { kind = 'DevMachine', apiVersion = 'infrastructure.cluster.x-k8s.io/v1beta2' } = rest
  const version = (i: 0 | 1) => (versions[i] === undefined ? {} : { version: versions[i] })
  const root = ['spec']
  return {
    role,
    changes,
    inMemory,
    exchange,
    disableInPlaceUpdates,
    machine: {
      current: object('Machine', 'cluster.x-k8s.io/v1beta2', { ...(machine[0] as object), ...version(0) }),
      desired: object('Machine', 'cluster.x-k8s.io/v1beta2', { ...(machine[1] as object), ...version(1) }),
      root,
    },
    infrastructure: {
      current: object(kind, apiVersion, infrastructure[0]),
      desired: object(kind, apiVersion, infrastructure[1]),
      root,
    },
    bootstrapConfig: {
      current: object('KubeadmConfig', 'bootstrap.cluster.x-k8s.io/v1beta2', bootstrap[0]),
      desired: object('KubeadmConfig', 'bootstrap.cluster.x-k8s.io/v1beta2', bootstrap[1]),
      root,
    },
  } satisfies Question
}

function object(kind: string, apiVersion: string, spec: unknown): KubeObject {
  return { apiVersion, kind, metadata: { name: 'm' }, spec }
}
