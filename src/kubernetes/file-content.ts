import { type Result, refusal, success } from './result.ts'

// A character that the bootstrap data cannot carry as it is: controls, half characters, unassigned ones, and two
// separators that YAML takes for the end of a line.
const notCarried = /(?![\n\t])[\p{Cc}\p{Cs}\p{Cn}\u2028\u2029]/u
const base64 = /^[a-z0-9+/]+={0,2}$/i
const notTheSame = 'its content is not what a new machine would get'

/**
 * The bytes that a new machine's file holds, given `content` and `encoding` of an entry. The bootstrap provider puts
 * content into YAML as a block, which ends in one newline and cannot carry some texts at all. CAPD v1.14.2 does not
 * unpack gzip+base64, and no text is gzip.
 * Source: CAPI v1.14.2 bootstrap/kubeadm/pkg/cloudinit/{files,utils}.go and, below test/infrastructure/docker,
 * internal/provisioning/cloudinit/writefiles.go.
 */
export function bytesOf(content: string, encoding: unknown): Result<Buffer> {
  const text = content.slice(0, endWithoutNewlines(content))
  if (encoding === undefined) return isCarried(text) ? success(Buffer.from(`${text}\n`)) : refusal(notTheSame)
  const code = text.replaceAll('\n', '')
  const isBase64 = encoding === 'base64' && code.length % 4 === 0 && base64.test(code)
  return isBase64 ? success(Buffer.from(code, 'base64')) : refusal(notTheSame)
}

// Counted from the end: a regular expression for trailing newlines tries again at each newline before them.
function endWithoutNewlines(text: string): number {
  let end = text.length
  while (end > 0 && text[end - 1] === '\n') end -= 1
  return end
}

// A block's first line shows how far it is indented, so that line must not begin with a space.
function isCarried(text: string): boolean {
  let start = 0
  while (text[start] === '\n') start += 1
  return /\S/.test(text[start] ?? '') && !notCarried.test(text)
}
