import { readFileSync } from 'node:fs'
import Type from 'typebox'
import Value from 'typebox/value'
import { type ClientCa, isCa, isPair, type Pair } from './certificate.ts'
import { type Environment, variables } from './config/environment.ts'

/** The configuration of the process. */
export interface Config {
  host: string
  port: number
  tls: { inUse: Pair; files: Pair }
  /** Absent: callers need no client certificate. */
  clients?: { inUse: ClientCa; files: ClientCa; names: string[] } | undefined
  token: string
  sources: {
    binaries: Environment['UPGRADER_BINARIES']
    binariesUrl: string
    images: Environment['UPGRADER_IMAGES']
    nodeImage: string
    nodeImagePull: Environment['UPGRADER_NODE_IMAGE_PULL']
  }
  faults: boolean
  discoveryFails: boolean
  logLevel: string
}

/** Reads the environment. Throws one Error that names everything that is wrong, one variable a line. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const given = valuesFrom(env)
  const files = { cert: given.UPGRADER_TLS_CERT_FILE, key: given.UPGRADER_TLS_KEY_FILE }
  const [cert, key] = [contentOf(files.cert), contentOf(files.key)]
  const ca = contentOf(given.UPGRADER_CLIENT_CA_FILE)
  const wrong = [...wrongValues(given), ...unknownNames(env), ...wrongPair(cert, key), ...wrongClients(given, ca)]
  if (wrong.length > 0 || cert === undefined || key === undefined) throw new Error(wrong.join('\n'))
  return {
    host: given.UPGRADER_HOST,
    port: given.UPGRADER_PORT,
    tls: { inUse: { cert, key }, files },
    clients: clientsFrom(given, ca),
    token: given.UPGRADER_TOKEN,
    sources: {
      binaries: given.UPGRADER_BINARIES,
      binariesUrl: given.UPGRADER_BINARIES_URL.replace(/\/+$/, ''),
      images: given.UPGRADER_IMAGES,
      nodeImage: given.UPGRADER_NODE_IMAGE,
      nodeImagePull: given.UPGRADER_NODE_IMAGE_PULL,
    },
    faults: given.UPGRADER_FAULTS !== 'refuse',
    discoveryFails: given.UPGRADER_FAULTS === 'discovery-fails',
    logLevel: given.UPGRADER_LOG_LEVEL,
  }
}

/** The environment with defaults for what is missing or empty. The types hold only if `wrongValues` finds nothing. */
function valuesFrom(env: NodeJS.ProcessEnv): Environment {
  const given = Object.entries(variables).map(([name, schema]) => {
    const text = env[name]
    if (!text) return [name, schema.default]
    return [name, Type.IsInteger(schema) && /^\d+$/.test(text) ? Number(text) : text]
  })
  return Object.fromEntries(given)
}

function wrongValues(given: Environment): string[] {
  return Object.entries(variables).flatMap(([name, schema]) => {
    const errors = Value.Errors(schema, given[name as keyof Environment])
    const unmet = errors.find(({ keyword }) => keyword === '~refine') ?? errors[0]
    return unmet ? [`${name} must ${unmet.message}`] : []
  })
}

function unknownNames(env: NodeJS.ProcessEnv): string[] {
  const ours = Object.keys(env).filter((name) => name.startsWith('UPGRADER_'))
  return ours
    .filter((name) => !Object.hasOwn(variables, name))
    .map((name) => `${name} is not a variable of this program`)
}

function wrongPair(cert: string | undefined, key: string | undefined): string[] {
  const unreadable = [
    ...(cert === undefined ? ['UPGRADER_TLS_CERT_FILE'] : []),
    ...(key === undefined ? ['UPGRADER_TLS_KEY_FILE'] : []),
  ]
  if (cert === undefined || key === undefined) return unreadable.map((name) => `${name} must name a readable file`)
  if (isPair({ cert, key })) return []
  return ['UPGRADER_TLS_CERT_FILE must hold a certificate, and UPGRADER_TLS_KEY_FILE its key']
}

// A file that is set and holds no CA ends the service: it must not let everyone in.
function wrongClients(given: Environment, ca: string | undefined): string[] {
  const { UPGRADER_CLIENT_CA_FILE: file, UPGRADER_CLIENT_NAMES: names } = given
  if (file === '') return names === '' ? [] : ['UPGRADER_CLIENT_NAMES needs UPGRADER_CLIENT_CA_FILE']
  if (ca === undefined) return ['UPGRADER_CLIENT_CA_FILE must name a readable file']
  return isCa({ ca }) ? [] : ['UPGRADER_CLIENT_CA_FILE must hold CA certificates']
}

function clientsFrom(given: Environment, ca: string | undefined): Config['clients'] {
  if (ca === undefined) return undefined
  const names = given.UPGRADER_CLIENT_NAMES.split(',').filter((name) => name !== '')
  return { inUse: { ca }, files: { ca: given.UPGRADER_CLIENT_CA_FILE }, names }
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
