import { isDeepStrictEqual } from 'node:util'
import { keysOf, member, type Path } from '../kubernetes/json.ts'
import { type Result, refusal, success } from '../kubernetes/result.ts'

// Cluster API's objects have about a dozen levels and differ in a few places.
const mostLevels = 100
const mostDifferences = 1000

/**
 * The paths at which two JSON values differ, or the reason why they cannot be compared. Objects are compared member by
 * member, and arrays as a whole. A missing member differs from `{}`, because CAPI compares the raw JSON
 * (internal/util/compare/equal.go). Visits each value once.
 */
export function differences(current: unknown, desired: unknown): Result<Path[]> {
  if ([current, desired].some((value) => isDeeper(value, mostLevels))) return refusal('it is nested too deeply')
  const found: Path[] = []
  collect(current, desired, [], found)
  return found.length <= mostDifferences ? success(found) : refusal('it differs in too many places')
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1))
}

// Stops early when there are too many. `path` is the path of the values. It is modified and restored.
function collect(current: unknown, desired: unknown, path: string[], found: Path[]): void {
  // A desired null is one difference. Removing all members would leave {} instead.
  const keys = desired === null ? [] : new Set([...keysOf(current), ...keysOf(desired)])
  for (const key of keys) {
    if (found.length > mostDifferences) return
    path.push(key)
    collect(member(current, key), member(desired, key), path, found)
    path.pop()
  }
  const isLeaf = desired === null || keysOf(current).length + keysOf(desired).length === 0
  if (isLeaf && !isDeepStrictEqual(current, desired)) found.push([...path])
}
