import type { Operation } from '../contract/answers.ts'
import type { KubeObject } from '../contract/objects.ts'
import { coded, UpgradeError } from '../errors.ts'
import { type Change, type Claim, claims, describe } from './claims.ts'
import { differences, type Path, valueAt } from './diff.ts'
import { isDockerMachine } from './kinds.ts'
import { operationFor } from './patch.ts'
import type { Role } from './versions.ts'

// One object before and after, and where its spec stands in it: ['spec'], or ['spec', 'template', 'spec'].
export interface Pair {
  current: KubeObject | undefined
  desired: KubeObject | undefined
  root: Path
}

export interface Question {
  role: Role
  machine: Pair
  infrastructure: Pair
  bootstrapConfig: Pair
}

export interface Decision {
  // What is done in place, in words.
  accepted: string[]
  // What is not, and why; empty when all changes are covered.
  declined: UpgradeError[]
  operations: Record<Claim['object'], Operation[]>
}

// The members of a Machine's spec that CAPI leaves out of its comparison.
// Source: CAPI v1.14.2 internal/util/inplace/inplace.go (CleanupMachineSpecForDiff).
const notCompared = new Set([
  'clusterName',
  'bootstrap',
  'infrastructureRef',
  'providerID',
  'minReadySeconds',
  'readinessGates',
  'deletion',
  'taints',
])

// Decides which of the differences are made in place. Pure: no clock, no engine, the same answer each time.
// Machines that are not Docker containers get no opinion at all.
export function decide(question: Question): Decision {
  const decision: Decision = { accepted: [], declined: [], operations: { machine: [], bootstrapConfig: [] } }
  const foreign = [question.infrastructure.current, question.infrastructure.desired].find(
    (object) => object === undefined || !isDockerMachine(object),
  )
  if (foreign) {
    decision.declined.push(new UpgradeError('MACHINE_FOREIGN', { kind: foreign.kind }))
    return decision
  }
  for (const object of ['machine', 'bootstrapConfig'] as const) settle(object, question, decision)
  for (const path of changesOf(question.infrastructure))
    decision.declined.push(notCovered('infrastructure', path))
  return decision
}

// Sorts the differences of one object into claimed and declined.
function settle(object: Claim['object'], question: Question, decision: Decision): void {
  let open = changesOf(question[object])
  if (object === 'machine') open = open.filter(([first]) => first === undefined || !notCompared.has(first))
  const { current, desired } = question[object]
  // What is there on one side only has nothing to be patched.
  const candidates = current && desired ? claims.filter((claim) => claim.object === object) : []
  for (const claim of candidates.filter(({ roles }) => roles.includes(question.role))) {
    const mine = open.filter((path) => belongs(path, claim.path))
    if (mine.length === 0) continue
    open = open.filter((path) => !mine.includes(path))
    const objection = objectionTo(claim, question)
    if (objection) decision.declined.push(objection)
    else accept(claim, question[object], decision)
  }
  for (const path of open) decision.declined.push(notCovered(object, path))
}

function accept(claim: Claim, pair: Pair, decision: Decision): void {
  const path = [...pair.root, ...claim.path]
  decision.accepted.push(describe(claim.object, claim.path))
  decision.operations[claim.object].push(operationFor(pair.current, pair.desired, path, pair.root.length))
}

// A version that cannot be read is a reason to replace the machine, not to block the rollout.
function objectionTo(claim: Claim, { role, machine, ...others }: Question): UpgradeError | undefined {
  const pair = claim.object === 'machine' ? machine : others[claim.object]
  const change: Change = {
    role,
    from: String(valueAt(specOf(machine.current, machine.root), ['version'])),
    to: String(valueAt(specOf(machine.desired, machine.root), ['version'])),
    current: valueAt(specOf(pair.current, pair.root), claim.path),
    desired: valueAt(specOf(pair.desired, pair.root), claim.path),
  }
  try {
    return claim.objection(change)
  } catch (thrown) {
    return coded(thrown)
  }
}

// A difference belongs to a claim when it is at its path or below it.
function belongs(difference: Path, claimed: Path): boolean {
  return claimed.every((key, i) => difference[i] === key)
}

function changesOf({ current, desired, root }: Pair): Path[] {
  return differences(specOf(current, root), specOf(desired, root))
}

function specOf(object: KubeObject | undefined, root: Path): unknown {
  return valueAt(object, root)
}

function notCovered(object: string, path: Path): UpgradeError {
  return new UpgradeError('CHANGE_NOT_COVERED', { path: describe(object, path) })
}
