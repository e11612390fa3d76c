import Type, { type Static, type TSchema } from 'typebox'
import { Role } from './role.ts'

// Only the fields that are read here. Unknown fields are kept, because Cluster API compares whole objects. Cluster API
// sends name, namespace, labels, annotations and spec, but no status.
const Metadata = Type.Object({
  name: Type.String(),
  namespace: Type.Optional(Type.String()),
  labels: Type.Optional(Type.Record(Type.String(), Type.String())),
  annotations: Type.Optional(Type.Record(Type.String(), Type.String())),
})

function kubeObject<Spec extends TSchema>(spec: Spec) {
  return Type.Object({ apiVersion: Type.String(), kind: Type.String(), metadata: Metadata, spec })
}

const MachineSpec = Type.Object({
  clusterName: Type.String(),
  version: Type.Optional(Type.String()),
  providerID: Type.Optional(Type.String()),
})

const Machine = kubeObject(MachineSpec)
const MachineSet = kubeObject(Type.Object({ template: Type.Object({ spec: MachineSpec }) }))
// Cluster API sends a bootstrap template without spec as "spec": null (canUpdateMachineSet).
const Other = kubeObject(Type.Unknown())

const MachineObjects = Type.Object({
  machine: Machine,
  infrastructureMachine: Other,
  bootstrapConfig: Type.Optional(Other),
})

const MachineSetObjects = Type.Object({
  machineSet: MachineSet,
  infrastructureMachineTemplate: Other,
  bootstrapConfigTemplate: Type.Optional(Other),
})

// spec.settings of the ExtensionConfig. Discovery has none.
const settings = Type.Optional(Type.Record(Type.String(), Type.String()))

/** The request of CanUpdateMachine. Source: CAPI v1.14.2 api/runtime/hooks/v1alpha1/inplaceupdate_types.go. */
export const CanUpdateMachineRequest = Type.Object({ settings, current: MachineObjects, desired: MachineObjects })
/** The request of CanUpdateMachineSet. Same source. */
export const CanUpdateMachineSetRequest = Type.Object({
  settings,
  current: MachineSetObjects,
  desired: MachineSetObjects,
})
/** The request of UpdateMachine. Same source. */
export const UpdateMachineRequest = Type.Object({ settings, desired: MachineObjects })

/** The request of start and sync. docs/reference/api.md describes it. */
export const StartRequest = Type.Object({
  providerID: Type.String(),
  clusterName: Type.String(),
  version: Type.String(),
  // Checked where it is given.
  role: Type.Optional(Role),
  // The directory of kubeadm patches in the machine.
  patchesDirectory: Type.Optional(Type.String()),
  // Hashes of the cluster CA's public key, as in a JoinConfiguration.
  caCertHashes: Type.Optional(Type.Array(Type.String({ pattern: '^sha256:[0-9a-fA-F]{64}$' }), { minItems: 1 })),
  settings,
})

/** Any object of the Kubernetes API. */
export type KubeObject = Static<typeof Other>
/** The request of CanUpdateMachine. */
export type CanUpdateMachineRequest = Static<typeof CanUpdateMachineRequest>
/** The request of CanUpdateMachineSet. */
export type CanUpdateMachineSetRequest = Static<typeof CanUpdateMachineSetRequest>
/** The request of UpdateMachine. */
export type UpdateMachineRequest = Static<typeof UpdateMachineRequest>
/** The request of start and sync. */
export type StartRequest = Static<typeof StartRequest>
