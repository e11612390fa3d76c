/** The keys that lead from a JSON value to a value inside it. */
export type Path = readonly string[]

/** The value at a path of a JSON value, or undefined. */
export function valueAt(value: unknown, path: Path): unknown {
  return path.reduce(member, value)
}

/** The keys of a JSON object. Any other value has none. */
export function keysOf(value: unknown): string[] {
  return isObject(value) ? Object.keys(value) : []
}

/** One member of a JSON object, or undefined. */
export function member(value: unknown, key: string): unknown {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
