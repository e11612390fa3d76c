import { UpgradeError } from '../errors/upgrade-error.ts'
import { type Path, valueAt } from '../kubernetes/json.ts'
import { podSettingsObjection } from '../kubernetes/pod-settings.ts'
import { type Result, success } from '../kubernetes/result.ts'
import type { Claim, ClaimedChange } from './claims.ts'
import { differences } from './diff.ts'
import { claims, notCompared } from './fields/table.ts'
import { declinedPart, describe, joined, type Part } from './part.ts'
import { after, nested, setting } from './patch.ts'
import { isSimulated, type Question, specsOf } from './question.ts'

/** Decides the differences of the Machine or of its KubeadmConfig. */
export function settle(object: Claim['object'], question: Question): Part {
  const open = openDifferences(object, question)
  if (!open.ok) return uncompared(object, open.why)
  const taken = claimsFor(object, question).filter((claim) => open.value.some((path) => belongs(path, claim)))
  const rest = open.value.filter((path) => !taken.some((claim) => belongs(path, claim)))
  return joined([applied(object, taken, question), notCovered(object, rest)])
}

/** Decides the differences of the infrastructure machine, none of which is made in place. */
export function infrastructurePart({ infrastructure }: Question): Part {
  const { current, desired } = specsOf(infrastructure)
  const found = differences(current, desired)
  return found.ok ? notCovered('infrastructure', found.value) : uncompared('infrastructure', found.why)
}

// The differences that Cluster API compares, too.
function openDifferences(object: Claim['object'], question: Question): Result<Path[]> {
  const { current, desired } = specsOf(question[object])
  const found = differences(current, desired)
  if (!found.ok || object !== 'machine') return found
  return success(found.value.filter(([first]) => !notCompared.has(first)))
}

// An object that is there on one side only has nothing to be patched.
function claimsFor(object: Claim['object'], question: Question): Claim[] {
  const { current, desired } = question[object]
  if (!current || !desired) return []
  return claims.filter((claim) => claim.object === object && isSelected(claim, question))
}

function isSelected({ roles, selectedBy }: Claim, question: Question): boolean {
  const { role, changes } = question
  // CAPD gives an in-memory Node its version once and for good, so the Machine would never be up to date.
  // Source: CAPI v1.14.2 test/infrastructure/docker/internal/controllers/backends/inmemory (reconcileNormalNode).
  if (selectedBy !== 'files' && isSimulated(question)) return false
  return roles.includes(role) && (changes === 'all' || changes === selectedBy)
}

// A difference belongs to a claim when it is at its path or below it.
function belongs(difference: Path, { path }: Claim): boolean {
  return path.every((key, i) => difference[i] === key)
}

// If there is no spec, the claims start from an empty one. Otherwise the first operation would add it, and replace what
// another one had added.
function applied(object: Claim['object'], taken: Claim[], question: Question): Part {
  const { current, desired, root } = question[object]
  const hasSpec = valueAt(current, root) != null
  const versions = versionsOf(question)
  const change: ClaimedChange = {
    role: question.role,
    ...versions,
    current: hasSpec ? current : nested(root, {}),
    desired,
    root,
    isSimulated: isSimulated(question),
    podSettingsObjection: () =>
      podSettingsObjection({ ...question, version: versions.to, spec: specsOf(question.bootstrapConfig).desired }),
  }
  const part = joined(decidedInTurn(taken, change))
  if (hasSpec || part.operations.length === 0) return part
  return { ...part, operations: [setting(current, root, {}), ...part.operations] }
}

// Each patch follows the ones before it: two claims may bring one parent, or take the last that it holds.
function decidedInTurn(taken: Claim[], change: ClaimedChange): Part[] {
  let { current } = change
  return taken.map((claim) => {
    const part = claim.decide({ ...change, current })
    current = part.operations.reduce(after, current)
    return part
  })
}

function versionsOf({ machine }: Question): { from: string; to: string } {
  const { current, desired } = specsOf(machine)
  return { from: String(valueAt(current, ['version'])), to: String(valueAt(desired, ['version'])) }
}

function notCovered(object: string, paths: Path[]): Part {
  return declinedPart(...paths.map((path) => new UpgradeError('CHANGE_NOT_COVERED', { path: describe(object, path) })))
}

function uncompared(object: string, why: string): Part {
  return declinedPart(new UpgradeError('OBJECT_NOT_COMPARED', { object, why }))
}
