import { readFile, writeFile } from 'node:fs/promises'
import type { RowResult } from './turn.ts'

/** One row of docs/reference/recovery.real.json. */
export interface RecordedRow {
  role: string
  step: string
  boundary: string
  fault: string
  hit: string
  result: string
  seconds: number
  versions: string
  /** How the static pods of a control plane machine were exchanged; one by one by default. */
  exchange?: 'together'
  /** How many control plane machines the cluster had; one by default. */
  members?: number
}

const file = new URL('../../docs/reference/recovery.real.json', import.meta.url)

/** Appends the conclusive results to docs/reference/recovery.real.json. */
export async function record(all: readonly RowResult[], versions: string, members = 1): Promise<void> {
  const text = await readFile(file, 'utf8').catch(() => '[]')
  const rows = JSON.parse(text) as RecordedRow[]
  for (const { row, way, hit, result, seconds, isConclusive } of all) {
    if (!isConclusive) continue
    const { role, step, boundary, fault } = row
    const exchange = way === 'together' ? { exchange: way } : {}
    rows.push({
      role,
      step,
      boundary,
      fault,
      hit,
      result,
      seconds,
      versions,
      ...exchange,
      ...(members > 1 && { members }),
    })
  }
  await writeFile(file, `${JSON.stringify(rows, undefined, 2)}\n`)
}
