import type { Observation } from './observation.ts'

/**
 * True when what a program printed names a full disk or quota, in the C library's words (ENOSPC, EDQUOT) or in those of
 * curl, which does not give the reason. The machines run programs without a locale, so the words are English.
 */
export function namesFullDisk(printed: string): boolean {
  return /no space left on device|disk quota exceeded|curl: \(23\)/i.test(printed)
}

/** True when one of the observed file systems has no MiB left. False where none was observed. */
export function hasFullDisk({ space }: Pick<Observation, 'space'>): boolean {
  return [...space.free.values()].some((free) => free < 1)
}
