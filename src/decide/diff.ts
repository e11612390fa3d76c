import { isDeepStrictEqual } from 'node:util'
import { keysOf, member, type Path } from '../kubernetes/json.ts'
import { type Result, refusal, success } from '../kubernetes/result.ts'

// Cluster API's objects have a dozen levels, and two of them never differ in so many places.
const mostLevels = 100
const mostDifferences = 1000

/**
 * The paths at which two JSON values differ, or why they are not compared. Objects are walked, arrays are compared whole,
 * and a member that is absent differs from one that is `{}`, because CAPI compares the raw JSON
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

// Ends early when there are too many. `path` is of the values, and the same again afterwards.
function collect(current: unknown, desired: unknown, path: string[], found: Path[]): void {
  // Taking all members out of an object leaves {}, not null: that is one difference.
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
