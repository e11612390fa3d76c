import { log, withProgress } from '../../host/progress.ts'

/** Something that the lab needs, such as an image or a cluster: how to find it, and how to create it. */
export interface Prerequisite<T, Inputs = unknown> {
  /** Names it in the log. */
  title: string
  /** Resolves to it when it exists and is up to date, else to undefined. */
  find: () => Promise<T | undefined>
  /** Ensures what it is created from. Runs only when it is not found, and logs stages of its own. */
  prepare?: () => Promise<Inputs>
  create: (inputs: Inputs) => Promise<T>
}

/** Finds or creates a prerequisite, and logs which of the two. What its functions throw is thrown on. */
export async function ensure<T, Inputs>(prerequisite: Prerequisite<T, Inputs>): Promise<T> {
  const { title, find, prepare, create } = prerequisite
  const found = await find()
  if (found !== undefined) {
    log(`  ok ${title}: found`)
    return found
  }
  const inputs = (await prepare?.()) as Inputs
  return withProgress(title, () => create(inputs))
}
