import type { Operation } from '../contract/answers.ts'
import type { KubeObject } from '../contract/objects.ts'
import type { Settings } from '../contract/settings.ts'
import { coded, UpgradeError } from '../errors/upgrade-error.ts'
import { type Path, valueAt } from '../kubernetes/json.ts'
import { backendOf, isKubeadmConfig } from '../kubernetes/kinds.ts'
import type { Role } from '../kubernetes/versions.ts'
import { type Claim, claims, describe } from './claims.ts'
import { configObjection } from './config.ts'
import { differences } from './diff.ts'
import { nested, operationFor, setting } from './patch.ts'

// One object before and after, and where its spec stands in it: ['spec'], or ['spec', 'template', 'spec'].
export interface Pair {
  current: KubeObject | undefined
  desired: KubeObject | undefined
  root: Path
}

export interface Question {
  role: Role
  changes: Settings['changes']
  inMemory: Settings['inMemory']
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
const notCompared = new Set(
  'clusterName bootstrap infrastructureRef providerID minReadySeconds readinessGates deletion taints'.split(' '),
)

// Decides which of the differences are made in place. Pure: no clock, no engine, the same answer each time.
// Machines that are neither Docker containers nor to be simulated, or that kubeadm did not make, get no opinion at all.
export function decide(question: Question): Decision {
  const decision: Decision = { accepted: [], declined: [], operations: { machine: [], bootstrapConfig: [] } }
  const foreign = foreignObject(question)
  if (foreign) {
    decision.declined.push(new UpgradeError('MACHINE_FOREIGN', { kind: foreign.kind }))
    return decision
  }
  // What would be lost or would never end declines the whole change, whatever else differs.
  const unsupported = isSimulated(question) ? undefined : configObjection(desiredSpec(question), question.role)
  if (unsupported) {
    const { path, why } = unsupported
    decision.declined.push(new UpgradeError('CONFIG_NOT_COVERED', { path, why }))
    return decision
  }
  for (const object of ['machine', 'bootstrapConfig'] as const) settle(object, question, decision)
  for (const path of differences(...specsOf(question.infrastructure))) decline('infrastructure', path, decision)
  if (isSimulated(question)) decision.accepted = decision.accepted.map((what) => `simulated: ${what}`)
  return decision
}

// The first object of a machine that is neither a container nor to be simulated, or that kubeadm did not make. A Machine
// whose bootstrap data comes from the user has no bootstrap object: then nothing of one can be lost.
function foreignObject({ infrastructure, bootstrapConfig, inMemory }: Question): KubeObject | undefined {
  const others = inMemory === 'simulate' ? [undefined] : [undefined, 'inMemory']
  const machines = [infrastructure.current, infrastructure.desired]
  const configs = [bootstrapConfig.current, bootstrapConfig.desired]
  return (
    machines.find((object) => object && others.includes(backendOf(object))) ??
    configs.find((object) => object && !isKubeadmConfig(object))
  )
}

// Sorts the differences of one object into claimed and declined.
function settle(object: Claim['object'], question: Question, decision: Decision): void {
  const pair = question[object]
  // Where there is no spec an empty one comes first, so that no operation has to bring it and take others with it.
  const hasSpec = specsOf(pair)[0] != null
  const current = hasSpec ? pair.current : nested(pair.root, {})
  const operations = decision.operations[object]
  let open = differences(...specsOf(pair))
  if (object === 'machine') open = open.filter(([first]) => first === undefined || !notCompared.has(first))
  // What is there on one side only has nothing to be patched.
  const candidates = pair.current && pair.desired ? claims.filter((claim) => claim.object === object) : []
  for (const claim of candidates.filter((claim) => isAsked(claim, question))) {
    const mine = open.filter((path) => belongs(path, claim.path))
    if (mine.length === 0) continue
    open = open.filter((path) => !mine.includes(path))
    if (claim.inPart) {
      // Where nothing is written no place is closed; the file of Cluster API's own spec is in /tmp.
      const part = claim.inPart(current, pair.desired, pair.root, isSimulated(question) ? [] : undefined)
      operations.push(...part.operations)
      decision.accepted.push(...part.accepted.map((name) => describe(object, [name])))
      for (const { name, why } of part.declined) {
        decision.declined.push(new UpgradeError('FILE_NOT_COVERED', { path: describe(object, [name]), why }))
      }
      continue
    }
    const objection = objectionTo(claim, question)
    if (objection) decision.declined.push(objection)
    else {
      const path = [...pair.root, ...claim.path]
      decision.accepted.push(describe(object, claim.path))
      operations.push(operationFor(current, pair.desired, path, pair.root.length))
    }
  }
  if (!hasSpec && operations.length > 0) operations.unshift(setting(pair.current, pair.root, {}))
  for (const path of open) decline(object, path, decision)
}

function isAsked({ roles, speciality }: Claim, question: Question): boolean {
  const { role, changes } = question
  // CAPD gives an in-memory Node its version once and for good, so the Machine would never be up to date.
  // Source: CAPI v1.14.2 test/infrastructure/docker/internal/controllers/backends/inmemory (reconcileNormalNode).
  if (speciality === 'version' && isSimulated(question)) return false
  return roles.includes(role) && (changes === 'all' || changes === speciality)
}

function isSimulated({ infrastructure: { current, desired } }: Question): boolean {
  return [current, desired].some((object) => object && backendOf(object) === 'inMemory')
}

// A version that cannot be read is a reason to replace the machine, not to block the rollout.
function objectionTo({ object, path, objection }: Claim, question: Question): UpgradeError | undefined {
  const [from, to] = specsOf(question.machine).map((spec) => String(valueAt(spec, ['version']))) as [string, string]
  const [current, desired] = specsOf(question[object]).map((spec) => valueAt(spec, path))
  try {
    return objection?.({ role: question.role, from, to, current, desired })
  } catch (thrown) {
    return coded(thrown)
  }
}

// A difference belongs to a claim when it is at its path or below it.
function belongs(difference: Path, claimed: Path): boolean {
  return claimed.every((key, i) => difference[i] === key)
}

function desiredSpec({ bootstrapConfig }: Question): unknown {
  return specsOf(bootstrapConfig)[1]
}

function specsOf({ current, desired, root }: Pair): [unknown, unknown] {
  return [valueAt(current, root), valueAt(desired, root)]
}

function decline(object: string, path: Path, { declined }: Decision): void {
  declined.push(new UpgradeError('CHANGE_NOT_COVERED', { path: describe(object, path) }))
}
