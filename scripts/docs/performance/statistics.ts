/** The median of some values and their range. */
export interface Spread {
  median: number
  least: number
  most: number
  count: number
}

/** Undefined where there is no value. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  const sorted = values.toSorted((a, b) => a - b)
  const [least, most] = [sorted[0], sorted.at(-1)]
  if (least === undefined || most === undefined) return undefined
  const half = Math.floor(sorted.length / 2)
  const upper = sorted[half] ?? most
  const median = sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? least) + upper) / 2
  return { median, least, most, count: sorted.length }
}

/** `12.3 s (11.0 to 14.2, 3 values)`; one value has no range. */
export function describeSpread({ median, least, most, count }: Spread, unit = ' s', digits = 1): string {
  const value = `${median.toFixed(digits)}${unit}`
  return count === 1
    ? `${value} (1 value)`
    : `${value} (${least.toFixed(digits)} to ${most.toFixed(digits)}, ${count} values)`
}
