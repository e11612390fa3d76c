import type { Claim } from '../claims.ts'
import { bootstrap } from './bootstrap.ts'
import { clusterConfiguration } from './cluster-configuration.ts'
import type { Field } from './field.ts'
import { devMachine, dockerMachine } from './infrastructure.ts'
import { machine } from './machine.ts'
import { initConfiguration, joinConfiguration } from './node-configurations.ts'

/**
 * All fields of the objects that Cluster API sends, and how an in-place update handles them. Decisions and
 * docs/reference/what-is-updated.md are based on this table. A field that is not in it declines.
 */
export const fieldTable = {
  Machine: machine,
  KubeadmConfig: [...clusterConfiguration, ...initConfiguration, ...joinConfiguration, ...bootstrap],
  DevMachine: devMachine,
  DockerMachine: dockerMachine,
} as const satisfies Record<string, readonly Field[]>

/** All changes that are made in place. */
export const claims: readonly Claim[] = Object.values(fieldTable).flatMap((fields: readonly Field[]) =>
  fields.flatMap(({ claim }) => claim ?? []),
)

/** The members of a Machine's spec that Cluster API does not compare. */
export const notCompared: ReadonlySet<string | undefined> = new Set(
  machine.filter((field) => field.notCompared).map(({ path }) => path),
)
