/** Reads words of the form KEY=VALUE. The last one of a key counts. Throws where a word has another form. */
export function readAssignments(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf('=')
      if (at < 1) throw new Error(`"${word}" is not of the form KEY=VALUE`)
      return [word.slice(0, at), word.slice(at + 1)]
    }),
  )
}
