import { isDeepStrictEqual } from 'node:util'

export type Path = readonly string[]

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

// The value at a path of a JSON value, or undefined.
export function valueAt(value: unknown, path: Path): unknown {
  return path.reduce(member, value)
}

export function keysOf(value: unknown): string[] {
  return isObject(value) ? Object.keys(value) : []
}

function member(value: unknown, key: string): unknown {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
