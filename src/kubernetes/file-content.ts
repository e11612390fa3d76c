import { type Result, refusal, success } from './result.ts'

// Characters that the bootstrap data does not preserve: control characters, lone surrogates, unassigned code points,
// and the two separators that YAML takes for a line break.
const notPreserved = /(?![\n\t])[\p{Cc}\p{Cs}\p{Cn}\u2028\u2029]/u
const base64 = /^[a-z0-9+/]+={0,2}$/i
const notTheSame = 'its content is not what a new machine would get'

/**
 * The bytes that the file has in a new machine, given `content` and `encoding` of an entry, or a reason when they
 * differ from the content. The bootstrap provider writes content as a YAML block scalar, which ends in one newline and
 * does not preserve every text. CAPD v1.14.2 does not decompress gzip and gzip+base64.
 * Source: CAPI v1.14.2 bootstrap/kubeadm/pkg/cloudinit/{files,utils}.go and, below test/infrastructure/docker,
 * internal/provisioning/cloudinit/writefiles.go.
 */
export function bytesOf(content: string, encoding: unknown): Result<Buffer> {
  const text = content.slice(0, endWithoutNewlines(content))
  if (encoding === undefined) return isPreserved(text) ? success(Buffer.from(`${text}\n`)) : refusal(notTheSame)
  const code = text.replaceAll('\n', '')
  const isBase64 = encoding === 'base64' && code.length % 4 === 0 && base64.test(code)
  return isBase64 ? success(Buffer.from(code, 'base64')) : refusal(notTheSame)
}

// A loop, since a regular expression for trailing newlines takes quadratic time.
function endWithoutNewlines(text: string): number {
  let end = text.length
  while (end > 0 && text[end - 1] === '\n') end -= 1
  return end
}

// The first line of a block scalar defines its indentation, so that line must not begin with white space.
function isPreserved(text: string): boolean {
  let start = 0
  while (text[start] === '\n') start += 1
  return /\S/.test(text[start] ?? '') && !notPreserved.test(text)
}
