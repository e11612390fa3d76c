import type { Field } from './field.ts'
import { fixedPrograms } from './objections.ts'

const container = 'The container stays, as it was made'

// CAPD's own fields of a container.
const docker: Field[] = [
  { path: 'customImage', kept: `${container}; only the programs of Kubernetes are replaced in it (step kubelet)` },
  { path: 'preLoadImages', kept: container },
  {
    path: 'extraMounts',
    below: ['[].containerPath', '[].hostPath', '[].readOnly'],
    kept: container,
    objection: fixedPrograms,
  },
  { path: 'bootstrapTimeout', kept: 'Read at bootstrap only, which is over' },
]

const inMemory = ['vm', 'node', 'apiServer', 'etcd'].flatMap((name) => [
  name,
  `${name}.provisioning`,
  `${name}.provisioning.startupDuration`,
  `${name}.provisioning.startupJitter`,
])

const providerID: Field = { path: 'providerID', kept: container }

/** The fields of a DockerMachine's spec. */
export const dockerMachine: readonly Field[] = [providerID, ...docker]

/** The fields of a DevMachine's spec. */
export const devMachine: readonly Field[] = [
  providerID,
  ...docker.map((field) => ({ ...field, path: `backend.docker.${field.path}` })),
  {
    path: 'backend.inMemory',
    below: inMemory,
    kept: 'Such a machine is no container. It gets no opinion, or its update is simulated',
  },
]
