import type { Operation } from '../contract/answers.ts'
import { keysOf, type Path, valueAt } from '../kubernetes/json.ts'

/**
 * The one operation that makes the object `current` as `desired` at `path` and touches nothing else. `path` starts at the
 * object's root, and its first `floor` members always stay (spec, or spec.template.spec). Missing parents are
 * added with it. A parent that becomes empty is removed with it unless `desired` has it, because CAPI's comparison
 * distinguishes `{}` from nothing.
 */
export function operationFor(current: unknown, desired: unknown, path: Path, floor: number): Operation {
  const value = valueAt(desired, path)
  if (value === undefined) return { op: 'remove', path: pointer(removable(current, desired, path, floor)) }
  return setting(current, path, value)
}

/** The one operation that gives the object `current` this value at `path`, with the parents that it needs. */
export function setting(current: unknown, path: Path, value: unknown): Operation {
  if (valueAt(current, path) !== undefined) return { op: 'replace', path: pointer(path), value }
  const parents = presentParents(current, path)
  const added = path.slice(0, parents + 1)
  return { op: 'add', path: pointer(added), value: nested(path.slice(parents + 1), value) }
}

/** The object after an operation on one of its members, or a member's; operations on entries of lists leave it as it is. */
export function after(object: unknown, operation: Operation): unknown {
  const names = operation.path.split('/').slice(1)
  const path = names.map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'))
  return withMember(object, path, operation.op === 'remove' ? undefined : operation.value)
}

function withMember(object: unknown, [name, ...rest]: Path, value: unknown): unknown {
  if (name === undefined || Array.isArray(object)) return object
  const { [name]: old, ...others } = object as Record<string, unknown>
  const inner = rest.length === 0 ? value : withMember(old, rest, value)
  return inner === undefined ? others : { ...others, [name]: inner }
}

/** The value with an object around it for each member of the path. */
export function nested(path: Path, value: unknown): unknown {
  return path.reduceRight((inner, key) => ({ [key]: inner }), value)
}

/** The JSON pointer (RFC 6901) of a path. */
export function pointer(path: Path): string {
  return path.map((key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

// How many members of the path, from its beginning and without the last, have a value in the object.
function presentParents(object: unknown, path: Path): number {
  let count = 0
  while (count < path.length - 1 && valueAt(object, path.slice(0, count + 1)) != null) count += 1
  return count
}

// Climbs from the path to the highest parent that holds nothing else and that desired does not have.
function removable(current: unknown, desired: unknown, path: Path, floor: number): Path {
  const parent = path.slice(0, -1)
  const isAlone = keysOf(valueAt(current, parent)).length === 1
  const goes = parent.length > floor && isAlone && valueAt(desired, parent) === undefined
  return goes ? removable(current, desired, parent, floor) : path
}
