import { readFileSync } from 'node:fs'
import { type ClientCa, isCa, isPair, type Pair } from './certificate.ts'

interface Variable {
  default: string
  meaning: string
  // What a value must match, and how that is said.
  allowed?: RegExp
  must?: string
}

// What the environment may say. docs/configuration.md and --help are made from this table.
export const variables = {
  UPGRADER_HOST: { default: '127.0.0.1', meaning: 'Address to listen on. Who reaches it is root on this host.' },
  UPGRADER_PORT: {
    default: '9443',
    meaning: 'Port to listen on.',
    allowed: /^([0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$/,
    must: 'be a number from 0 to 65535',
  },
  UPGRADER_TLS_CERT_FILE: {
    default: '',
    meaning: 'The serving certificate, PEM. Required. Read again when it changes.',
  },
  UPGRADER_TLS_KEY_FILE: { default: '', meaning: 'Its private key, PEM. Required. Read again when it changes.' },
  UPGRADER_CLIENT_CA_FILE: {
    default: '',
    meaning:
      'CA certificates, PEM. Where it is set, callers of the hooks, of start and of sync need a client certificate of one of them. Read again when it changes.',
  },
  UPGRADER_CLIENT_NAMES: {
    default: '',
    meaning:
      'Names, separated by commas, of which a client certificate has to have one, as its common name or as a DNS name. Without it any certificate of the CA will do.',
    allowed: /^($|[\w:-][\w.:@-]*(,[\w:-][\w.:@-]*)*$)/,
    must: 'be names, separated by commas, without spaces',
  },
  UPGRADER_TOKEN: { default: '', meaning: 'Bearer token for /v1/start and /v1/sync, which are off without it.' },
  UPGRADER_BINARIES_URL: {
    default: 'https://dl.k8s.io/release',
    meaning: 'Where machines fetch kubeadm, kubelet and kubectl: <url>/<version>/bin/linux/<arch>/<name>.',
    allowed: /^https?:\/\/[^\s'"]+$/,
    must: 'be an http or https URL',
  },
  UPGRADER_IMAGES: {
    default: 'node-image',
    meaning: "How images come: node-image (from the target's node image on the same engine) or pull (by kubeadm).",
    allowed: /^(pull|node-image)$/,
    must: 'be pull or node-image',
  },
  UPGRADER_NODE_IMAGE: {
    default: 'kindest/node:{version}',
    meaning: 'The node image that holds the Kubernetes images; {version} is replaced.',
    allowed: /\{version\}/,
    must: 'have {version} in it',
  },
  UPGRADER_FAULTS: {
    default: 'refuse',
    meaning:
      'allow: the setting "fault" may ask for misbehaviour. discovery-fails: besides, discovery answers Failure. Tests only.',
    allowed: /^(allow|refuse|discovery-fails)$/,
    must: 'be allow, refuse or discovery-fails',
  },
  UPGRADER_LOG_LEVEL: {
    default: 'info',
    meaning: 'fatal, error, warn, info, debug, trace or silent.',
    allowed: /^(fatal|error|warn|info|debug|trace|silent)$/,
    must: 'be one of fatal, error, warn, info, debug, trace, silent',
  },
  DOCKER_HOST: {
    default: '',
    meaning: "The Docker engine; else Docker's default socket. DOCKER_TLS_VERIFY and DOCKER_CERT_PATH are heeded.",
    allowed: /^($|unix:\/\/|(tcp|https?):\/\/[^:/]+(:\d+)?\/?$)/,
    must: 'be like unix:///path or tcp://host:port',
  },
} satisfies Record<string, Variable>

type Name = keyof typeof variables

export interface Config {
  host: string
  port: number
  tls: { inUse: Pair; files: Pair }
  /** Absent: callers need no client certificate. */
  clients?: { inUse: ClientCa; files: ClientCa; names: string[] } | undefined
  token: string
  sources: { binariesUrl: string; images: 'pull' | 'node-image'; nodeImage: string }
  faults: boolean
  discoveryFails: boolean
  logLevel: string
}

// Reads the environment. Throws one Error that names all faults, one a line.
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const faults: string[] = []
  const value = (name: Name) => env[name] || variables[name].default
  const file = (name: Name) => {
    try {
      return readFileSync(value(name), 'utf8')
    } catch {
      faults.push(`${name} must name a file that can be read`)
      return ''
    }
  }
  for (const [name, { allowed, must }] of Object.entries<Variable>(variables)) {
    if (allowed && !allowed.test(value(name as Name))) faults.push(`${name} must ${must}`)
  }
  const ours = Object.keys(env).filter((name) => name.startsWith('UPGRADER_'))
  for (const name of ours) if (!Object.hasOwn(variables, name)) faults.push(`${name} is not a variable of this program`)
  const files = { cert: value('UPGRADER_TLS_CERT_FILE'), key: value('UPGRADER_TLS_KEY_FILE') }
  const inUse = { cert: file('UPGRADER_TLS_CERT_FILE'), key: file('UPGRADER_TLS_KEY_FILE') }
  if (!faults.some((fault) => /file that can be read/.test(fault)) && !isPair(inUse)) {
    faults.push('UPGRADER_TLS_CERT_FILE must hold a certificate, and UPGRADER_TLS_KEY_FILE the key of that one')
  }
  const clients = clientsOf(value('UPGRADER_CLIENT_CA_FILE'), value('UPGRADER_CLIENT_NAMES'), faults)
  if (faults.length > 0) throw new Error(faults.join('\n'))
  return {
    host: value('UPGRADER_HOST'),
    port: Number(value('UPGRADER_PORT')),
    tls: { inUse, files },
    clients,
    token: value('UPGRADER_TOKEN'),
    sources: {
      binariesUrl: value('UPGRADER_BINARIES_URL').replace(/\/+$/, ''),
      images: value('UPGRADER_IMAGES') as 'pull' | 'node-image',
      nodeImage: value('UPGRADER_NODE_IMAGE'),
    },
    faults: value('UPGRADER_FAULTS') !== 'refuse',
    discoveryFails: value('UPGRADER_FAULTS') === 'discovery-fails',
    logLevel: value('UPGRADER_LOG_LEVEL'),
  }
}

// Whose certificates are accepted. A file that is set and holds no CA is a fault: it must not let everyone in.
function clientsOf(file: string, names: string, faults: string[]): Config['clients'] {
  if (file === '') {
    if (names !== '') faults.push('UPGRADER_CLIENT_NAMES needs UPGRADER_CLIENT_CA_FILE')
    return
  }
  const inUse = { ca: textIn(file) }
  if (!isCa(inUse)) faults.push('UPGRADER_CLIENT_CA_FILE must name a file that holds CA certificates')
  return { inUse, files: { ca: file }, names: names.split(',').filter(Boolean) }
}

function textIn(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
