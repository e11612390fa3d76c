import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generate } from 'selfsigned'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { selfSigned } from './listen.ts'

// The variables for client certificates. A mistake ends the service: it must not let everyone in.
let home: string
let env: Record<string, string>
let ca: string

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'capd-kubeadm-upgrader-test-'))
  const [{ cert, key }, authority] = await Promise.all([
    selfSigned(),
    generate([{ name: 'commonName', value: 'ca' }], {
      keyType: 'ec',
      extensions: [{ name: 'basicConstraints', cA: true, critical: true }],
    }),
  ])
  ca = authority.cert
  const file = (name: string, content: string) => {
    writeFileSync(join(home, name), content)
    return join(home, name)
  }
  file('empty.crt', '')
  file('junk.crt', 'junk')
  file('ca.crt', ca)
  env = {
    UPGRADER_TLS_CERT_FILE: file('tls.crt', cert),
    UPGRADER_TLS_KEY_FILE: file('tls.key', key),
  }
})

afterAll(() => rmSync(home, { recursive: true }))

function read(more: Record<string, string>) {
  return readConfig({ ...env, ...more }).clients
}

test('without them callers need no certificate', () => {
  expect(read({})).toBeUndefined()
})

test('the CA alone accepts all of its certificates; with names only those that have one', () => {
  const files = { ca: join(home, 'ca.crt') }
  expect(read({ UPGRADER_CLIENT_CA_FILE: files.ca })).toEqual({ inUse: { ca }, files, names: [] })
  const names = 'capi-core,system:serviceaccount:capi-system:capi-manager,a.example'
  expect(read({ UPGRADER_CLIENT_CA_FILE: files.ca, UPGRADER_CLIENT_NAMES: names })?.names).toEqual(names.split(','))
})

test('a CA file that cannot be read is named like the other files', () => {
  const more = { UPGRADER_CLIENT_CA_FILE: join(home, 'nowhere.crt'), UPGRADER_TLS_KEY_FILE: '/nowhere' }
  expect(() => read(more)).toThrow(
    /^UPGRADER_TLS_KEY_FILE must name a readable file\nUPGRADER_CLIENT_CA_FILE must name a readable file$/,
  )
})

test.each([
  ['is empty', 'empty.crt'],
  ['holds no certificate', 'junk.crt'],
  ['holds one that is no CA', 'tls.crt'],
])('a CA file that %s ends the service, naming the variable', (_, name) => {
  expect(() => read({ UPGRADER_CLIENT_CA_FILE: join(home, name) })).toThrow(
    /^UPGRADER_CLIENT_CA_FILE must hold CA certificates$/,
  )
})

test('names without a CA end the service: they would not be looked at', () => {
  expect(() => read({ UPGRADER_CLIENT_NAMES: 'a' })).toThrow(/^UPGRADER_CLIENT_NAMES needs UPGRADER_CLIENT_CA_FILE$/)
})

// OpenSSL takes a name that begins with a dot for the end of any name.
test.each([',', 'a,', 'a, b', '.example', '*.example', 'a,,b'])('the names "%s" end the service', (names) => {
  const set = { UPGRADER_CLIENT_CA_FILE: join(home, 'ca.crt'), UPGRADER_CLIENT_NAMES: names }
  expect(() => read(set)).toThrow(/^UPGRADER_CLIENT_NAMES must [^\n]+$/)
})
