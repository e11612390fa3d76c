import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import type { Logger } from 'pino'
import { UpgradeError } from './errors/upgrade-error.ts'

/** A serving certificate and its key: as PEM, or as the names of the two files. */
export interface KeyPair {
  cert: string
  key: string
}

/** One or more CA certificates of client certificates: as PEM, or as the name of the file. */
export interface ClientCa {
  ca: string
}

/** Files that are reloaded when they change. */
export interface Reloaded {
  /** Reads the files. New, valid content replaces the content in use. */
  reload(): void
}

/** The serving certificate in use. */
export interface Certificate extends Reloaded {
  /** Throws CERTIFICATE_EXPIRED when the certificate in use has expired. */
  check(): void
}

interface ReloadOptions<Content> {
  /** The content at the start. */
  inUse: Content
  /** The names of the files. */
  files: Content
  /** Called with new content. */
  take: (content: Content) => void
  log: Logger
}

/** The serving certificate, reloaded from its files. `now` is in milliseconds since 1970. */
export function certificateIn({
  now = Date.now,
  ...parts
}: ReloadOptions<KeyPair> & { now?: () => number }): Certificate {
  let { inUse } = parts
  const isUsable = (pair: KeyPair) => isPair(pair) && !hasExpired(pair)
  const hasExpired = (pair: KeyPair) => expiry(pair).getTime() < now()
  const files = reloadedFiles({
    ...parts,
    name: 'certificate',
    isUsable,
    take(pair) {
      parts.take(pair)
      inUse = pair
    },
    about: (pair) => ({ until: expiry(pair) }),
  })
  return {
    ...files,
    check() {
      if (hasExpired(inUse)) throw new UpgradeError('CERTIFICATE_EXPIRED')
    },
  }
}

/** The CA of client certificates, reloaded from its file. */
export function clientCaIn(parts: ReloadOptions<ClientCa>): Reloaded {
  return reloadedFiles({ ...parts, name: 'client CA', isUsable: isCa, about: () => ({}) })
}

/** True for a certificate with its own key, in a form that TLS accepts. */
export function isPair(pair: KeyPair): boolean {
  try {
    createSecureContext(pair)
    return new X509Certificate(pair.cert).checkPrivateKey(createPrivateKey(pair.key))
  } catch {
    return false
  }
}

/** True for one or more CA certificates. */
export function isCa({ ca }: ClientCa): boolean {
  const blocks = ca.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []
  try {
    return blocks.length > 0 && blocks.every((block) => new X509Certificate(block).ca)
  } catch {
    return false
  }
}

interface ReloadedFilesOptions<Content> extends ReloadOptions<Content> {
  /** The name of the content in the log. */
  name: string
  isUsable: (content: Content) => boolean
  /** Fields of the log line about new content. */
  about: (content: Content) => object
}

// The files are reloaded on a timer rather than watched: when a mounted Secret changes, the kubelet swaps a symlink two
// directories up, and a watcher on the files never sees it.
function reloadedFiles<Content extends KeyPair | ClientCa>({
  inUse,
  files,
  take,
  log,
  ...what
}: ReloadedFilesOptions<Content>): Reloaded {
  let refused = { content: inUse, looks: 0 }

  // Only content that is still invalid at the second reload is reported: the link may be swapped between two reads.
  function refuse(content: Content) {
    refused = { content, looks: equal(content, refused.content) ? refused.looks + 1 : 1 }
    if (refused.looks === 2) log.warn({ files }, `the new ${what.name} cannot be used: the previous one stays in use`)
  }

  return {
    reload() {
      const entries = Object.entries<string>({ ...files }).map(([key, file]) => [key, read(file)])
      const content: Content = Object.fromEntries(entries)
      if (equal(content, inUse)) return
      if (!what.isUsable(content)) return refuse(content)
      take(content)
      inUse = content
      log.info(what.about(content), `a new ${what.name} is in use`)
    },
  }
}

function expiry({ cert }: KeyPair): Date {
  return new X509Certificate(cert).validToDate
}

function equal(one: object, other: object): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

// A missing file counts as empty: it may be missing only while the link is swapped.
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
