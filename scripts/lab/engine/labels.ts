import { inputsLabel, labLabel } from '../host/names.ts'

/** Flags with which `docker` labels what it creates as the lab's. */
export const labels: readonly string[] = ['--label', labLabel]

/** The same, with the hash of what it is made from. */
export function labelsWithInputs(hash: string): string[] {
  return [...labels, '--label', `${inputsLabel}=${hash}`]
}

/** The same for `docker import` and `docker commit`, with more instructions of a Dockerfile. */
export function changes(hash: string, ...instructions: string[]): string[] {
  const all = [`LABEL ${labLabel} ${inputsLabel}=${hash}`, ...instructions]
  return all.flatMap((instruction) => ['--change', instruction])
}
