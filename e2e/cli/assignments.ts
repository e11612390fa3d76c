/** Reads words of the form KEY=VALUE; the last one of a key wins. Throws for a word of another form. */
export function readAssignments(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf('=')
      if (at < 1) throw new Error(`"${word}" is not of the form KEY=VALUE`)
      return [word.slice(0, at), word.slice(at + 1)]
    }),
  )
}
