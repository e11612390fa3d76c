import Type, { type Static, type TSchema } from 'typebox'
import { Role } from './role.ts'

// The parts of Cluster API's objects that are read here. Unknown fields are kept: they take part in the
// comparison that CAPI makes. Objects carry name, namespace, labels, annotations and spec, never a status.
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
// A bootstrap template without spec is sent as "spec": null (CAPI, canUpdateMachineSet).
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

// ExtensionConfig spec.settings; discovery never carries them.
const settings = Type.Optional(Type.Record(Type.String(), Type.String()))

// Source: CAPI v1.14.2 api/runtime/hooks/v1alpha1/inplaceupdate_types.go.
export const CanUpdateMachineRequest = Type.Object({ settings, current: MachineObjects, desired: MachineObjects })
export const CanUpdateMachineSetRequest = Type.Object({
  settings,
  current: MachineSetObjects,
  desired: MachineSetObjects,
})
export const UpdateMachineRequest = Type.Object({ settings, desired: MachineObjects })

// What the start and sync endpoints take. `role` is checked when given.
export const StartRequest = Type.Object({
  providerID: Type.String(),
  clusterName: Type.String(),
  version: Type.String(),
  role: Type.Optional(Role),
  // The directory of kubeadm patches that the machine was made with.
  patchesDirectory: Type.Optional(Type.String()),
  // As in a JoinConfiguration: "sha256:" and the hash in hex of a cluster CA's public key.
  caCertHashes: Type.Optional(Type.Array(Type.String({ pattern: '^sha256:[0-9a-fA-F]{64}$' }), { minItems: 1 })),
  settings,
})

export type KubeObject = Static<typeof Other>
export type CanUpdateMachineRequest = Static<typeof CanUpdateMachineRequest>
export type CanUpdateMachineSetRequest = Static<typeof CanUpdateMachineSetRequest>
export type UpdateMachineRequest = Static<typeof UpdateMachineRequest>
export type StartRequest = Static<typeof StartRequest>
