import type { Observation } from './observation.ts'

/**
 * True when the output of a program reports a full disk or an exceeded quota: the C library's messages for ENOSPC and
 * EDQUOT, or curl's exit code 23, which stands for any failed write. Programs run without a locale, so messages are in
 * English.
 */
export function reportsFullDisk(printed: string): boolean {
  return /no space left on device|disk quota exceeded|curl: \(23\)/i.test(printed)
}

/** True when one of the observed file systems has less than 1 MiB left. False where the space was not observed. */
export function hasFullDisk({ space }: Pick<Observation, 'space'>): boolean {
  return [...space.free.values()].some((free) => free < 1)
}
