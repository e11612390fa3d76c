import type { Operation } from '../contract/answers.ts'
import type { KubeObject } from '../contract/objects.ts'
import { UpgradeError } from '../errors/upgrade-error.ts'
import { backendOf, isKubeadmConfig } from '../kubernetes/kinds.ts'
import type { Claim } from './claims.ts'
import { configObjection, infrastructureObjection } from './config.ts'
import { isSimulated, type Question, specsOf } from './question.ts'
import { infrastructurePart, settle } from './settle.ts'

/** Which of the differences of a machine are made in place. */
export interface Decision {
  /** What is done in place, in words. */
  accepted: string[]
  /** What is not, and why. Empty when all changes are covered. */
  declined: UpgradeError[]
  /**
   * False when all changes are covered and none of them restarts or interrupts anything in the machine. Cluster API then
   * needs no other machine in its place meanwhile.
   */
  affectsAvailability: boolean
  /** The patches of the objects with what is accepted. */
  operations: Record<Claim['object'], Operation[]>
}

/**
 * Decides which of the differences are made in place. Pure: no clock, no engine, the same answer each time. Some machines
 * get no opinion at all, and some are declined whatever changes.
 */
export function decide(question: Question): Decision {
  const refusal = disabled(question) ?? foreignMachine(question) ?? unsupportedObject(question)
  if (refusal) return refused(refusal)
  const machine = settle('machine', question)
  const bootstrapConfig = settle('bootstrapConfig', question)
  const infrastructure = infrastructurePart(question)
  const accepted = [...machine.accepted, ...bootstrapConfig.accepted]
  const declined = [...machine.declined, ...bootstrapConfig.declined, ...infrastructure.declined]
  const isHarmless = accepted.length > 0 && !machine.affectsAvailability && !bootstrapConfig.affectsAvailability
  return {
    accepted: isSimulated(question) ? accepted.map((what) => `simulated: ${what}`) : accepted,
    declined,
    affectsAvailability: declined.length > 0 || !isHarmless,
    operations: { machine: machine.operations, bootstrapConfig: bootstrapConfig.operations },
  }
}

function refused(reason: UpgradeError): Decision {
  return {
    accepted: [],
    declined: [reason],
    affectsAvailability: true,
    operations: { machine: [], bootstrapConfig: [] },
  }
}

function disabled({ disableInPlaceUpdates }: Question): UpgradeError | undefined {
  return disableInPlaceUpdates === 'true' ? new UpgradeError('IN_PLACE_DISABLED') : undefined
}

// A machine that is neither a container nor to be simulated, or that kubeadm did not make: another updater may know it.
// A Machine whose bootstrap data comes from the user has no bootstrap object, and nothing of one can be lost.
function foreignMachine({ infrastructure, bootstrapConfig, inMemory }: Question): UpgradeError | undefined {
  const machines = [infrastructure.current, infrastructure.desired]
  const configs = [bootstrapConfig.current, bootstrapConfig.desired]
  const foreign =
    machines.find((object) => object && !isHandled(object, inMemory)) ??
    configs.find((object) => object && !isKubeadmConfig(object))
  return foreign ? new UpgradeError('MACHINE_FOREIGN', { kind: foreign.kind }) : undefined
}

function isHandled(machine: KubeObject, inMemory: Question['inMemory']): boolean {
  const backend = backendOf(machine)
  return backend === 'docker' || (backend === 'inMemory' && inMemory === 'simulate')
}

// What an update in place would lose, or would never end with, declines the whole change. Nothing is done to a simulated
// machine, so nothing of it can be lost.
function unsupportedObject(question: Question): UpgradeError | undefined {
  if (isSimulated(question)) return undefined
  const { role, bootstrapConfig, infrastructure } = question
  const config = configObjection(specsOf(bootstrapConfig).desired, role)
  if (config) return new UpgradeError('CONFIG_NOT_COVERED', { object: 'KubeadmConfig', ...config })
  const { desired } = infrastructure
  const machine = desired && infrastructureObjection(desired, specsOf(infrastructure).desired, role)
  return machine && new UpgradeError('CONFIG_NOT_COVERED', { object: desired.kind, ...machine })
}
