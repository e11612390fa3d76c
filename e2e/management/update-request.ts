import type { Json } from '../player/cluster-api.ts'
import type { Kube } from './kube.ts'
import type { CapiMachine } from './machines.ts'

/** The UpdateMachine request of Cluster API for a machine at another version: its own objects, without what the API adds. */
export async function requestFor(kube: Kube, machine: CapiMachine, version: string) {
  const where = `-n=${machine.metadata.namespace}`
  const clean = ({ apiVersion, kind, metadata, spec }: CapiMachine) => ({
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
      infrastructureMachine: clean(await kube.get<CapiMachine>('devmachine', machine.metadata.name, where)),
      bootstrapConfig: clean(
        await kube.get<CapiMachine>('kubeadmconfig', machine.spec.bootstrap.configRef.name, where),
      ),
    },
  }
}
