import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import type { Logger } from 'pino'
import { UpgradeError } from './errors/upgrade-error.ts'

/** A serving certificate with its key: both as PEM, or as the names of the two files. */
export interface Pair {
  cert: string
  key: string
}

/** The CA certificates, one or more, that sign the certificates of callers: as PEM, or as the name of the file. */
export interface ClientCa {
  ca: string
}

export interface Reread {
  /** Reads the files again. What is new and can be used is taken into use. */
  look(): void
}

export interface Certificate extends Reread {
  /** Throws CERTIFICATE_EXPIRED when the certificate in use has expired. */
  check(): void
}

interface Parts<Content> {
  inUse: Content
  files: Content
  take: (content: Content) => void
  log: Logger
}

/** The serving certificate, whose files may change while the service runs. `now` is in milliseconds since 1970. */
export function certificateIn({ now = Date.now, ...parts }: Parts<Pair> & { now?: () => number }): Certificate {
  let { inUse } = parts
  const isUsable = (pair: Pair) => isPair(pair) && !hasExpired(pair)
  const hasExpired = (pair: Pair) => expiry(pair).getTime() < now()
  const files = rereadFiles({
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

/** The CA of callers, whose file may change while the service runs. */
export function clientCaIn(parts: Parts<ClientCa>): Reread {
  return rereadFiles({ ...parts, name: 'client CA', isUsable: isCa, about: () => ({}) })
}

/** Whether it is a certificate and its own key, both in a form that TLS takes. */
export function isPair(pair: Pair): boolean {
  try {
    createSecureContext(pair)
    return new X509Certificate(pair.cert).checkPrivateKey(createPrivateKey(pair.key))
  } catch {
    return false
  }
}

/** Whether it is one CA certificate or more. */
export function isCa({ ca }: ClientCa): boolean {
  const blocks = ca.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []
  try {
    return blocks.length > 0 && blocks.every((block) => new X509Certificate(block).ca)
  } catch {
    return false
  }
}

interface Files<Content> extends Parts<Content> {
  /** What the files hold, as the log calls it. */
  name: string
  isUsable: (content: Content) => boolean
  /** What the log has besides when the content is taken into use. */
  about: (content: Content) => object
}

// The files are re-read on a timer rather than watched: when a mounted Secret changes, the kubelet swaps a symlink two
// directories up, and a watcher on the files never sees it.
function rereadFiles<Content extends Pair | ClientCa>({ inUse, files, take, log, ...what }: Files<Content>): Reread {
  let refused = { content: inUse, looks: 0 }

  // The link may be swapped between one file and the other: only what is still bad at the next look is reported.
  function refuse(content: Content) {
    refused = { content, looks: equal(content, refused.content) ? refused.looks + 1 : 1 }
    if (refused.looks === 2) log.warn({ files }, `the new ${what.name} cannot be used: the one from before stays`)
  }

  return {
    look() {
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

function expiry({ cert }: Pair): Date {
  return new X509Certificate(cert).validToDate
}

function equal(one: object, other: object): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

// A file that is not there now may be there in a moment.
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
