import { type MachineHost, shellFile, stateDirectory } from './machine.ts'
import type { Observation, Section } from './observation.ts'
import { parseObservation } from './observation-document.ts'

const script = shellFile(new URL('observe.sh', import.meta.url))

/**
 * The scope of an observation besides the record and the CA: sections of the machine, and paths of the cluster's API.
 */
export interface Scope {
  sections: readonly Section[]
  api?: readonly string[]
}

/**
 * Observes the machine with one exec, which changes nothing. Throws OBSERVATION_INCOMPLETE and the errors of
 * `MachineHost.run`.
 */
export async function observe(machine: MachineHost, { sections, api = [] }: Scope): Promise<Observation> {
  const args = [stateDirectory, machine.role, sections.join(' '), ...api]
  return parseObservation(await machine.run(script, args, { timeoutSeconds: 60 }))
}
