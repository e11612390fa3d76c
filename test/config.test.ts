import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generate } from 'selfsigned'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { variables } from '../src/config/environment.ts'
import { readConfig } from '../src/config.ts'

let home: string
let files: { UPGRADER_TLS_CERT_FILE: string; UPGRADER_TLS_KEY_FILE: string }
let tls: { cert: string; key: string }

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'capd-kubeadm-upgrader-test-'))
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
  })
  tls = { cert, key }
  files = { UPGRADER_TLS_CERT_FILE: join(home, 'tls.crt'), UPGRADER_TLS_KEY_FILE: join(home, 'tls.key') }
  writeFileSync(join(home, 'tls.crt'), cert)
  writeFileSync(join(home, 'tls.key'), key)
})

afterAll(() => rmSync(home, { recursive: true }))

// The faults that are named, one a line.
function faults(env: Record<string, string>): string[] {
  try {
    readConfig({ ...files, ...env })
    return []
  } catch (thrown) {
    return (thrown as Error).message.split('\n')
  }
}

test('the certificate and its key are all that is needed', () => {
  expect(readConfig(files)).toEqual({
    host: '127.0.0.1',
    port: 9443,
    tls: { inUse: tls, files: { cert: files.UPGRADER_TLS_CERT_FILE, key: files.UPGRADER_TLS_KEY_FILE } },
    token: '',
    sources: {
      binaries: 'download',
      binariesUrl: 'https://dl.k8s.io/release',
      images: 'node-image',
      nodeImage: 'kindest/node:{version}',
      nodeImagePull: 'allow',
    },
    faults: false,
    discoveryFails: false,
    logLevel: 'info',
  })
})

test('everything can be set', () => {
  const env = {
    ...files,
    UPGRADER_HOST: '0.0.0.0',
    UPGRADER_PORT: '8443',
    UPGRADER_TOKEN: 'abc',
    UPGRADER_BINARIES: 'node-image',
    UPGRADER_BINARIES_URL: 'https://mirror.example:8080/k8s',
    UPGRADER_IMAGES: 'pull',
    UPGRADER_NODE_IMAGE: 'registry.example/node:{version}',
    UPGRADER_NODE_IMAGE_PULL: 'forbid',
    UPGRADER_FAULTS: 'allow',
    UPGRADER_LOG_LEVEL: 'debug',
  }
  expect(readConfig(env)).toEqual({
    host: '0.0.0.0',
    port: 8443,
    tls: { inUse: tls, files: { cert: files.UPGRADER_TLS_CERT_FILE, key: files.UPGRADER_TLS_KEY_FILE } },
    token: 'abc',
    sources: {
      binaries: 'node-image',
      binariesUrl: 'https://mirror.example:8080/k8s',
      images: 'pull',
      nodeImage: 'registry.example/node:{version}',
      nodeImagePull: 'forbid',
    },
    faults: true,
    discoveryFails: false,
    logLevel: 'debug',
  })
})

test('discovery that fails is requested here, and allows all other misbehaviour', () => {
  const { faults, discoveryFails } = readConfig({ ...files, UPGRADER_FAULTS: 'discovery-fails' })
  expect({ faults, discoveryFails }).toEqual({ faults: true, discoveryFails: true })
})

test('a variable that is empty is as one that is not set', () => {
  const empty = Object.fromEntries(Object.keys(variables).map((name) => [name, '']))
  expect(readConfig({ ...empty, ...files })).toEqual(readConfig(files))
})

test('slashes at the end of the download URL do not matter', () => {
  const { sources } = readConfig({ ...files, UPGRADER_BINARIES_URL: 'https://dl.k8s.io/release//' })
  expect(sources.binariesUrl).toBe('https://dl.k8s.io/release')
})

describe('a wrong value is a fault that names its variable', () => {
  test.each([
    ['UPGRADER_PORT', 'x'],
    ['UPGRADER_PORT', '-1'],
    ['UPGRADER_PORT', '65536'],
    ['UPGRADER_PORT', '94.43'],
    ['UPGRADER_IMAGES', 'PULL'],
    ['UPGRADER_BINARIES', 'pull'],
    ['UPGRADER_NODE_IMAGE_PULL', 'no'],
    ['UPGRADER_BINARIES_URL', 'ftp://dl.k8s.io'],
    ['UPGRADER_BINARIES_URL', 'dl.k8s.io/release'],
    ['UPGRADER_BINARIES_URL', 'https://dl.k8s.io/a b'],
    ['UPGRADER_BINARIES_URL', "https://dl.k8s.io/'"],
    ['UPGRADER_BINARIES_URL', 'https://'],
    ['UPGRADER_BINARIES_URL', 'https://dl.k8s.io:99999/release'],
    ['UPGRADER_BINARIES_URL', 'https://dl.k8s.io/release?a=b'],
    ['UPGRADER_BINARIES_URL', 'https://dl.k8s.io/release#a'],
    ['UPGRADER_BINARIES_URL', 'https://dl.k8s.io/$HOME'],
    ['UPGRADER_NODE_IMAGE', 'kindest/node:v1.35.4'],
    ['UPGRADER_NODE_IMAGE', 'kindest/node {version}'],
    ['UPGRADER_NODE_IMAGE', 'kindest/node:{version}{arch}'],
    ['UPGRADER_NODE_IMAGE', '-v:{version}'],
    ['UPGRADER_FAULTS', 'true'],
    ['UPGRADER_LOG_LEVEL', 'loud'],
    ['UPGRADER_TLS_CERT_FILE', '/nowhere/tls.crt'],
    ['UPGRADER_TLS_KEY_FILE', '/nowhere/tls.key'],
    ['UPGRADER_PROT', '9443'],
  ])('%s=%s', (name, value) => {
    const found = faults({ [name]: value })
    expect(found).toHaveLength(1)
    expect(found[0]?.startsWith(name)).toBe(true)
  })
})

test.each([
  'https://anna:secret@dl.k8s.io/release',
  'http://secret@10.0.0.1',
  'https://:secret@dl.k8s.io',
])('a user or password in the download URL is a fault, and is not shown: %s', (url) => {
  const found = faults({ UPGRADER_BINARIES_URL: url })
  expect(found).toEqual([expect.stringMatching(/^UPGRADER_BINARIES_URL must not contain a user or password/)])
  expect(found[0]).not.toContain('secret')
})

test.each([
  'registry/{version}/node:{version}',
  'registry.example:5000/node:{version}-slim',
  'node:{version}',
])('the node image may be %s', (image) => {
  expect(faults({ UPGRADER_NODE_IMAGE: image })).toEqual([])
})

describe('downloads by http', () => {
  test.each([
    'http://dl.k8s.io/release',
    'http://203.0.113.7:8080',
    'http://172.32.0.1',
    'http://[2001:db8::1]/release',
    'http://localhost.example',
  ])('from %s are refused, without the address', (url) => {
    const found = faults({ UPGRADER_BINARIES_URL: url })
    expect(found).toEqual([
      expect.stringMatching(/^UPGRADER_BINARIES_URL must be https, or http to a private address: /),
    ])
    expect(found[0]).not.toContain(new URL(url).hostname)
  })

  test.each([
    'https://dl.k8s.io/release',
    'http://127.0.0.1:8080',
    'http://localhost/release',
    'http://172.18.0.1:8080/release',
    'http://192.168.1.1',
    'http://10.1.2.3',
    'http://[::1]:8080',
    'http://[fd00::1]',
    'http://[::ffff:10.0.0.1]',
    'http://mirror/release',
    'http://mirror.build.svc.cluster.local',
    'http://mirror.corp.internal',
  ])('from %s are not', (url) => {
    expect(faults({ UPGRADER_BINARIES_URL: url })).toEqual([])
  })
})

test('a certificate that does not belong to the key is a fault', async () => {
  const other = await generate([{ name: 'commonName', value: 'localhost' }], { keyType: 'ec' })
  writeFileSync(join(home, 'other.key'), other.private)
  expect(faults({ UPGRADER_TLS_KEY_FILE: join(home, 'other.key') })).toHaveLength(1)
})

test('a file that holds no certificate is a fault, and its contents are not quoted', () => {
  writeFileSync(join(home, 'junk'), 'junk that is secret')
  const found = faults({ UPGRADER_TLS_CERT_FILE: join(home, 'junk') })
  expect(found).toHaveLength(1)
  expect(found[0]).toMatch(/^UPGRADER_TLS_CERT_FILE/)
  expect(found[0]).not.toContain('junk that is secret')
})

test('all faults are named at once, one a line', () => {
  const found = faults({
    UPGRADER_PORT: 'x',
    UPGRADER_FAULTS: 'x',
    UPGRADER_TLS_KEY_FILE: '/nowhere',
    UPGRADER_X: 'y',
  })
  const named = found.map((line) => line.split(' ')[0])
  expect(named.sort()).toEqual(['UPGRADER_FAULTS', 'UPGRADER_PORT', 'UPGRADER_TLS_KEY_FILE', 'UPGRADER_X'])
})

test('the variables of other programs do not matter', () => {
  expect(faults({ HOME: '/', DOCKER_HOST: 'unix:///var/run/docker.sock', NODE_ENV: 'x' })).toEqual([])
})
