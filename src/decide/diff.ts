import { isDeepStrictEqual } from 'node:util'
import { keysOf, member, type Path } from '../kubernetes/json.ts'

// The paths at which two JSON values differ. Objects are walked, arrays are compared whole, and a member that
// is absent differs from one that is `{}`, because CAPI compares raw (internal/util/compare/equal.go).
export function differences(current: unknown, desired: unknown, path: Path = []): Path[] {
  if (isDeepStrictEqual(current, desired)) return []
  // Taking all members out of an object leaves {}, not null: that is one difference.
  if (desired === null) return [path]
  const members = [...new Set([...keysOf(current), ...keysOf(desired)])]
  if (members.length === 0) return [path]
  return members.flatMap((key) => differences(member(current, key), member(desired, key), [...path, key]))
}
