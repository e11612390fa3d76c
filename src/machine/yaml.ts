import { Composer, Parser } from 'yaml'

/** The longest text that is parsed, in characters. Manifests and configurations of kubeadm have some thousand. */
export const longestYaml = 32_768

// Comparing each key with all others takes time that grows with the square of the text, and so does showing the place of
// each error.
const options = { prettyErrors: false, uniqueKeys: false }

/**
 * Parses one document of YAML that a machine or a cluster holds, whatever it is. Throws an Error where it is too long, no
 * YAML, or several documents. The library's own `parse` would also quote the text in warnings, on standard error.
 */
export function parseYaml(text: string): unknown {
  if (text.length > longestYaml) throw new Error('the YAML is too long')
  const [document, ...more] = new Composer(options).compose(tokensOf(text), true, text.length)
  if (!document || document.errors.length > 0 || more.length > 0) throw new Error('this is not one document of YAML')
  return document.toJS()
}

// Up to the first error: each one costs as much as a page of text, and there can be one a character.
function tokensOf(text: string) {
  const tokens = []
  for (const token of new Parser().parse(text)) {
    if (token.type === 'error') throw new Error('this is not YAML')
    tokens.push(token)
  }
  return tokens
}
