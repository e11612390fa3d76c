import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Results, Run } from '../../scripts/docs/performance/results.ts'

/** What identifies a run. A run is not repeated when there is a finished one with the same values. */
export type RunKey = Pick<Run, 'way' | 'number' | 'busy' | 'from' | 'to' | 'clusterApi' | 'cores'>

/** Finished runs, kept in a file. */
export interface FinishedRuns {
  runs(): readonly Run[]
  has(key: RunKey): boolean
  add(run: Run): Promise<void>
  /** Removes runs. */
  remove(isRemoved: (run: Run) => boolean): Promise<void>
}

/** Reads the finished runs of a file; none when the file does not exist. Throws when it has other contents. */
export async function openFinishedRuns(file: string): Promise<FinishedRuns> {
  let { runs } = await read(file)
  const write = async (next: Run[]) => {
    await writeAtomically(file, { runs: next })
    runs = next
  }
  return {
    runs: () => runs,
    has: (key) => runs.some((run) => isSame(run, key)),
    add: (run) => write([...runs.filter((other) => !isSame(other, run)), run]),
    remove: (isRemoved) => write(runs.filter((run) => !isRemoved(run))),
  }
}

/** Writes a value as JSON to a file, which a reader finds complete at any time: it is written next to it and renamed. */
export async function writeAtomically(file: string, value: unknown): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  await writeFile(`${file}.new`, `${JSON.stringify(value, undefined, 2)}\n`)
  await rename(`${file}.new`, file)
}

async function read(file: string): Promise<Results> {
  const text = await readFile(file, 'utf8').catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return '{"runs":[]}'
    throw thrown
  })
  const found = parsed(text)
  if (!Array.isArray(found?.runs)) throw new Error(`${file} is not a file of bench results. Remove it to start again.`)
  return found
}

function parsed(text: string): Results | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const keys: readonly (keyof RunKey)[] = ['way', 'number', 'busy', 'from', 'to', 'clusterApi', 'cores']

function isSame(one: RunKey, other: RunKey): boolean {
  return keys.every((key) => one[key] === other[key])
}
