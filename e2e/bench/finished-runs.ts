import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Results, Run } from '../../scripts/docs/performance/results.ts'

/** What makes a run the same run: it is not repeated where a finished one has all of this. */
export type Key = Pick<Run, 'way' | 'number' | 'busy' | 'from' | 'to' | 'clusterApi' | 'cores'>

/** The results of finished runs, in a file that is never written in part. */
export interface Kept {
  runs(): readonly Run[]
  has(key: Key): boolean
  add(run: Run): Promise<void>
  /** Forgets the runs that are meant. */
  forget(isMeant: (run: Run) => boolean): Promise<void>
}

/** Opens the file; where there is none yet, nothing is finished. Throws where it holds something else. */
export async function openKept(file: string): Promise<Kept> {
  let { runs } = await read(file)
  const write = async (next: Run[]) => {
    await writeWhole(file, { runs: next })
    runs = next
  }
  return {
    runs: () => runs,
    has: (key) => runs.some((run) => isSame(run, key)),
    add: (run) => write([...runs.filter((other) => !isSame(other, run)), run]),
    forget: (isMeant) => write(runs.filter((run) => !isMeant(run))),
  }
}

/** Writes a file next to its place and renames it, as JSON. */
export async function writeWhole(file: string, value: unknown): Promise<void> {
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
  if (!Array.isArray(found?.runs)) throw new Error(`${file} holds no results of a bench: remove it to begin again.`)
  return found
}

function parsed(text: string): Results | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const keys: readonly (keyof Key)[] = ['way', 'number', 'busy', 'from', 'to', 'clusterApi', 'cores']

function isSame(one: Key, other: Key): boolean {
  return keys.every((key) => one[key] === other[key])
}
