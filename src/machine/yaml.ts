import { Composer, Parser } from 'yaml'

/** The longest text that is parsed, in characters. kubeadm's manifests and configurations have a few thousand. */
export const longestYaml = 32_768

// Both checks take time that grows with the square of the text: comparing each key with all others, and showing the
// position of each error.
const options = { prettyErrors: false, uniqueKeys: false }

/**
 * Parses one YAML document from a machine or a cluster, which is not trusted. Throws an Error when it is too long, not
 * YAML, or several documents. The library's own `parse` is not used, because it quotes the text in warnings on standard
 * error.
 */
export function parseYaml(text: string): unknown {
  if (text.length > longestYaml) throw new Error('the YAML is too long')
  const [document, ...more] = new Composer(options).compose(tokensOf(text), true, text.length)
  if (!document || document.errors.length > 0 || more.length > 0) throw new Error('this is not one document of YAML')
  return document.toJS()
}

// Stops at the first error: each error is expensive, and every character can be one.
function tokensOf(text: string) {
  const tokens = []
  for (const token of new Parser().parse(text)) {
    if (token.type === 'error') throw new Error('this is not YAML')
    tokens.push(token)
  }
  return tokens
}
