import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import type { Logger } from 'pino'
import { UpgradeError } from './errors/upgrade-error.ts'

// A serving certificate with its key: both as PEM, or as the names of the two files.
export interface Pair {
  cert: string
  key: string
}

export interface Certificate {
  // Throws when the certificate in use has expired.
  check(): void
  // Reads the files, and takes what is in them into use if it is new and good.
  look(): void
}

interface Parts {
  inUse: Pair
  files: Pair
  take: (pair: Pair) => void
  log: Logger
}

// A certificate whose files may change while the service runs. They are read again and again: in what the kubelet
// mounts a symbolic link two folders up is renamed, which nobody hears of who watches the files.
export function certificateIn({ inUse, files, take, log }: Parts): Certificate {
  let refused = { pair: inUse, looks: 0 }

  // The link may be renamed between one file and the other: only what is still bad at the next look is worth a word.
  function refuse(pair: Pair) {
    refused = { pair, looks: equal(pair, refused.pair) ? refused.looks + 1 : 1 }
    if (refused.looks === 2) log.warn({ files }, 'the new certificate cannot be used: the one from before stays')
  }

  return {
    check() {
      if (hasExpired(inUse)) throw new UpgradeError('CERTIFICATE_EXPIRED')
    },
    look() {
      const pair = { cert: read(files.cert), key: read(files.key) }
      if (equal(pair, inUse)) return
      if (!isPair(pair) || hasExpired(pair)) return refuse(pair)
      take(pair)
      inUse = pair
      log.info({ until: expiry(pair) }, 'a new certificate is in use')
    },
  }
}

// A certificate and its own key, both such as TLS takes them.
export function isPair(pair: Pair): boolean {
  try {
    createSecureContext(pair)
    return new X509Certificate(pair.cert).checkPrivateKey(createPrivateKey(pair.key))
  } catch {
    return false
  }
}

function expiry({ cert }: Pair): Date {
  return new X509Certificate(cert).validToDate
}

function hasExpired(pair: Pair): boolean {
  return expiry(pair) < new Date()
}

function equal(one: Pair, other: Pair): boolean {
  return one.cert === other.cert && one.key === other.key
}

// A file that is not there now may be there in a moment.
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
