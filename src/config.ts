import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'

// What the environment may say. docs/configuration.md and --help are made from this table.
export const variables = {
  UPGRADER_HOST: {
    default: '127.0.0.1',
    meaning: 'Address to listen on. Who reaches it is root on this host.',
  },
  UPGRADER_PORT: { default: '9443', meaning: 'Port to listen on.' },
  UPGRADER_TLS_CERT_FILE: { default: '', meaning: 'The serving certificate, PEM. Required.' },
  UPGRADER_TLS_KEY_FILE: { default: '', meaning: 'Its private key, PEM. Required.' },
  UPGRADER_TOKEN: {
    default: '',
    meaning: 'Bearer token for /v1/start and /v1/sync, which are off without it.',
  },
  UPGRADER_BINARIES_URL: {
    default: 'https://dl.k8s.io/release',
    meaning: 'Where machines fetch kubeadm, kubelet and kubectl: <url>/<version>/bin/linux/<arch>/<name>.',
  },
  UPGRADER_IMAGES: {
    default: 'node-image',
    meaning:
      "How images come: node-image (from the target's node image on the same engine) or pull (by kubeadm).",
  },
  UPGRADER_NODE_IMAGE: {
    default: 'kindest/node:{version}',
    meaning: 'The node image that holds the Kubernetes images; {version} is replaced.',
  },
  UPGRADER_FAULTS: {
    default: 'refuse',
    meaning: 'allow: the setting "fault" may ask for misbehaviour. Tests only.',
  },
  UPGRADER_LOG_LEVEL: { default: 'info', meaning: 'fatal, error, warn, info, debug, trace or silent.' },
  DOCKER_HOST: {
    default: '',
    meaning:
      "The Docker engine; Docker's default socket without it. DOCKER_TLS_VERIFY and DOCKER_CERT_PATH are heeded.",
  },
} as const

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']

export interface Config {
  host: string
  port: number
  tls: { cert: string; key: string }
  token: string
  sources: { binariesUrl: string; images: 'pull' | 'node-image'; nodeImage: string }
  faults: boolean
  logLevel: string
}

// Reads the environment. Throws one Error that names all faults, one a line.
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const value = (name: keyof typeof variables) => env[name] || variables[name].default
  const faults: string[] = []
  const check = (ok: boolean, fault: string) => ok || faults.push(fault)
  const file = (name: keyof typeof variables) => {
    try {
      return readFileSync(value(name), 'utf8')
    } catch {
      faults.push(`${name} must name a file that can be read`)
      return undefined
    }
  }
  const port = Number(value('UPGRADER_PORT'))
  check(Number.isInteger(port) && port >= 0 && port < 65536, 'UPGRADER_PORT must be a number from 0 to 65535')
  const images = value('UPGRADER_IMAGES')
  check(['pull', 'node-image'].includes(images), 'UPGRADER_IMAGES must be pull or node-image')
  const binariesUrl = value('UPGRADER_BINARIES_URL').replace(/\/+$/, '')
  check(/^https?:\/\/[^\s'"]+$/.test(binariesUrl), 'UPGRADER_BINARIES_URL must be an http or https URL')
  const nodeImage = value('UPGRADER_NODE_IMAGE')
  check(nodeImage.includes('{version}'), 'UPGRADER_NODE_IMAGE must have {version} in it')
  const logLevel = value('UPGRADER_LOG_LEVEL')
  check(logLevels.includes(logLevel), `UPGRADER_LOG_LEVEL must be one of ${logLevels.join(', ')}`)
  const allow = value('UPGRADER_FAULTS')
  check(['allow', 'refuse'].includes(allow), 'UPGRADER_FAULTS must be allow or refuse')
  const unknown = Object.keys(env).filter(
    (name) => name.startsWith('UPGRADER_') && !Object.hasOwn(variables, name),
  )
  for (const name of unknown) faults.push(`${name} is not a variable of this program`)
  const [cert, key] = [file('UPGRADER_TLS_CERT_FILE'), file('UPGRADER_TLS_KEY_FILE')]
  if (cert !== undefined && key !== undefined)
    check(
      fit(cert, key),
      'UPGRADER_TLS_CERT_FILE and UPGRADER_TLS_KEY_FILE must be a certificate and its key',
    )
  if (faults.length > 0) throw new Error(faults.join('\n'))
  const tls = { cert: cert ?? '', key: key ?? '' }
  const sources = { binariesUrl, images: images as 'pull' | 'node-image', nodeImage }
  const host = value('UPGRADER_HOST')
  return { host, port, tls, token: value('UPGRADER_TOKEN'), sources, faults: allow === 'allow', logLevel }
}

// What OpenSSL says about a pair that does not fit names neither file.
function fit(cert: string, key: string): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))
  } catch {
    return false
  }
}
