import { X509Certificate } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { makeCertificate, namesOf } from '../../scripts/certificates/certificate.ts'
import { isPair } from '../../src/certificate.ts'
import { find, objectsOf } from '../kind-config/manifests.ts'
import { type Answers, type Call, fresh, run } from './kubectl.ts'

const definition = 'get customresourcedefinition extensionconfigs.runtime.cluster.x-k8s.io'
const applied = (calls: Call[]) => calls.filter(({ args }) => args.includes(' apply ')).map(({ input }) => input)

// A Secret of the cluster, as kubectl shows it.
function secretWith(ca: string, annotations = {}): Answers {
  const data = { 'ca.crt': Buffer.from(ca).toString('base64') }
  return { ...fresh, 'get secret': JSON.stringify({ metadata: { annotations }, data }) }
}

function bundleOf(calls: Call[]): string[] {
  const text: string = applied(calls)[1].stringData['ca.crt']
  // As Go reads it: each on lines of its own.
  return text.match(/^-----BEGIN CERTIFICATE-----\n[^-]+\n-----END CERTIFICATE-----\n/gm) ?? []
}

describe('in a cluster that has Cluster API', () => {
  test('the namespace comes first, as kind-config has it, then the Secret that the pods and the ExtensionConfig name', async () => {
    const { exitCode, printed, calls } = await run(fresh)
    expect(exitCode).toBe(0)
    expect(printed).toContain('Next: kubectl apply -k kind-config')
    const [namespace, secret] = applied(calls)
    const objects = objectsOf('.')
    expect(namespace).toEqual(find(objects, 'Namespace'))
    const annotations = find(objects, 'ExtensionConfig').metadata.annotations
    const { name } = secret.metadata
    expect(annotations['runtime.cluster.x-k8s.io/inject-ca-from-secret']).toBe(`${secret.metadata.namespace}/${name}`)
    expect(secret).toMatchObject({ kind: 'Secret', type: 'kubernetes.io/tls' })
    expect(Object.keys(secret.stringData)).toEqual(['tls.crt', 'tls.key', 'ca.crt'])
  })

  test('the pair is one that the service takes, signed by the CA, and for a year', async () => {
    const { calls } = await run(fresh)
    const { 'tls.crt': cert, 'tls.key': key, 'ca.crt': ca } = applied(calls)[1].stringData
    expect(isPair({ cert, key })).toBe(true)
    const [serving, authority] = [new X509Certificate(cert), new X509Certificate(ca)]
    expect({ ca: authority.ca, servingIsCa: serving.ca }).toEqual({ ca: true, servingIsCa: false })
    expect(serving.checkIssued(authority) && serving.verify(authority.publicKey)).toBe(true)
    const days = (serving.validToDate.getTime() - Date.now()) / (24 * 60 * 60 * 1000)
    expect(Math.round(days)).toBe(365)
  })

  test('the certificate is for the names by which Cluster API calls the Service', async () => {
    const { calls } = await run(fresh)
    const serving = new X509Certificate(applied(calls)[1].stringData['tls.crt'])
    const { name, namespace } = find(objectsOf('.'), 'ExtensionConfig').spec.clientConfig.service
    for (const host of [...namesOf(name, namespace), `${name}.${namespace}.svc`, 'localhost']) {
      expect(serving.checkHost(host)).toBe(host)
    }
    expect(serving.checkHost(`${name}.other.svc`)).toBeUndefined()
  })

  test('another namespace is in the names, too; how long it is valid can be said; access is handed on', async () => {
    const { calls } = await run(fresh, '--namespace', 'mine', '--days', '7', '--kubeconfig', '/k')
    const [namespace, secret] = applied(calls)
    expect([namespace.metadata.name, secret.metadata.namespace]).toEqual(['mine', 'mine'])
    const serving = new X509Certificate(secret.stringData['tls.crt'])
    expect(serving.checkHost('capd-kubeadm-upgrader.mine.svc')).toBeDefined()
    expect(serving.validToDate.getTime()).toBeLessThan(Date.now() + 8 * 24 * 60 * 60 * 1000)
    for (const { args } of calls.slice(1)) expect(args).toMatch(/^--kubeconfig=\/k --request-timeout=\S+ /)
  })

  test('the CA of a certificate that may still be served for a minute is trusted, too; the one before that is not', async () => {
    const [last, older] = [await makeCertificate(['x'], 1), await makeCertificate(['x'], 1)]
    const { calls } = await run(secretWith(`${last.ca}\n${older.ca}\n`))
    const [newest, ...more] = bundleOf(calls)
    expect(more.map((text) => new X509Certificate(text).fingerprint)).toEqual([
      new X509Certificate(last.ca).fingerprint,
    ])
    const serving = new X509Certificate(applied(calls)[1].stringData['tls.crt'])
    expect(serving.checkIssued(new X509Certificate(newest ?? ''))).toBe(true)
    expect(serving.checkIssued(new X509Certificate(last.ca))).toBe(false)
  })

  test.each([
    ['has expired', async () => (await makeCertificate(['x'], -1)).ca],
    ['is none', async () => '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'],
    ['is not there', async () => ''],
  ])('a CA from before that %s is left out', async (_, ca) => {
    const { exitCode, calls } = await run(secretWith(await ca()))
    expect(exitCode).toBe(0)
    expect(bundleOf(calls)).toHaveLength(1)
  })

  test('a Secret that cert-manager keeps is left to it', async () => {
    const answers = secretWith('', { 'cert-manager.io/certificate-name': 'capd-kubeadm-upgrader' })
    const { exitCode, printed, calls } = await run(answers)
    expect(exitCode).toBe(1)
    expect(printed).toMatch(/belongs to cert-manager\.\nNext: /)
    expect(applied(calls)).toHaveLength(1)
  })

  test('the key is in no line that is printed', async () => {
    const { printed } = await run({ ...fresh, 'apply --server-side': { exit: 'Forbidden' } })
    expect(printed).toContain('Forbidden')
    expect(printed).not.toContain('PRIVATE KEY')
  })
})

describe('what is missing is named with the next step, and nothing is changed', () => {
  test.each<[string, Answers, RegExp]>([
    [
      'the cluster',
      { ...fresh, 'get --raw=/readyz': { exit: 'connection refused' } },
      /connection refused\nNext: check --kubeconfig/,
    ],
    ['Cluster API', { ...fresh, [definition]: '' }, /not a management cluster.*\nNext: .*clusterctl init/],
    ['a newer Cluster API', { ...fresh, [definition]: 'v1alpha1' }, /v1beta2\.\nNext: .*clusterctl init/],
  ])('%s', async (_, answers, message) => {
    const { exitCode, printed, calls } = await run(answers)
    expect(exitCode).toBe(1)
    expect(printed).toMatch(message)
    expect(applied(calls)).toEqual([])
  })

  test('kubectl', async () => {
    const { exitCode, printed } = await run(fresh, '--kubectl', '/nowhere/kubectl')
    expect(exitCode).toBe(1)
    expect(printed).toMatch(/Not found: \/nowhere\/kubectl .*\nNext: install kubectl/)
  })
})

describe('how it is called', () => {
  test('--help says how and asks nothing of a cluster', async () => {
    const { exitCode, printed, calls } = await run(fresh, '--help')
    expect({ exitCode, calls }).toEqual({ exitCode: 0, calls: [] })
    for (const option of ['kubeconfig', 'kubectl', 'namespace', 'days']) expect(printed).toContain(`--${option}`)
  })

  test.each([
    ['an option that does not exist', ['--nonsense']],
    ['a word too many', ['up']],
    ['no number of days', ['--days', 'x']],
    ['no day', ['--days', '0']],
    ['too many days', ['--days', '3651']],
    ['half a day', ['--days', '0.5']],
    ['a namespace that cannot be', ['--namespace', 'A/b']],
    ['an option without its value', ['--namespace']],
  ])('%s ends with 2, the usage, and nothing asked of a cluster', async (_, args) => {
    const { exitCode, printed, calls } = await run(fresh, ...args)
    expect({ exitCode, calls }).toEqual({ exitCode: 2, calls: [] })
    expect(printed).toContain('Usage: npm run certificates')
  })
})
