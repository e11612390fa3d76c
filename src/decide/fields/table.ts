import type { Claim } from '../claims.ts'
import { bootstrap } from './bootstrap.ts'
import { clusterConfiguration } from './cluster-configuration.ts'
import type { Field } from './field.ts'
import { devMachine, dockerMachine } from './infrastructure.ts'
import { machine } from './machine.ts'
import { initConfiguration, joinConfiguration } from './node-configurations.ts'

/**
 * Every field of the objects that Cluster API sends, and what becomes of it in place. The decision is made by this table,
 * and docs/reference/what-is-updated.md is generated from it. A field that is not in it declines.
 */
export const fieldTable = {
  Machine: machine,
  KubeadmConfig: [...clusterConfiguration, ...initConfiguration, ...joinConfiguration, ...bootstrap],
  DevMachine: devMachine,
  DockerMachine: dockerMachine,
} as const satisfies Record<string, readonly Field[]>

/** All that is updated in place. */
export const claims: readonly Claim[] = Object.values(fieldTable).flatMap((fields: readonly Field[]) =>
  fields.flatMap(({ claim }) => claim ?? []),
)

/** The members of a Machine's spec that Cluster API leaves out of its comparison. */
export const notCompared: ReadonlySet<string | undefined> = new Set(
  machine.filter((field) => field.notCompared).map(({ path }) => path),
)
