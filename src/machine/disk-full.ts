/**
 * True when what a program printed names a full disk or quota, in the C library's words (ENOSPC, EDQUOT). The machines run
 * programs without a locale, so the words are English.
 */
export function namesFullDisk(printed: string): boolean {
  return /no space left on device|disk quota exceeded/i.test(printed)
}
