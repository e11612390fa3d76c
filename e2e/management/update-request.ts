import type { Json } from '../player/cluster-api.ts'
import type { Kube } from './kube.ts'
import type { Machine } from './machines.ts'

/** The UpdateMachine request of Cluster API for a machine at another version: its own objects, without what the API adds. */
export async function requestFor(kube: Kube, machine: Machine, version: string) {
  const where = `-n=${machine.metadata.namespace}`
  const clean = ({ apiVersion, kind, metadata, spec }: Machine) => ({
    apiVersion,
    kind,
    metadata: { name: metadata.name, namespace: metadata.namespace, labels: metadata.labels ?? {} },
    spec: { ...spec } as Json,
  })
  const desired = clean(machine)
  desired.spec.version = version
  return {
    apiVersion: 'hooks.runtime.cluster.x-k8s.io/v1alpha1',
    kind: 'UpdateMachineRequest',
    settings: {},
    desired: {
      machine: desired,
      infrastructureMachine: clean(await kube.get<Machine>('devmachine', machine.metadata.name, where)),
      bootstrapConfig: clean(await kube.get<Machine>('kubeadmconfig', machine.spec.bootstrap.configRef.name, where)),
    },
  }
}
