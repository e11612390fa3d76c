import { readFileSync } from 'node:fs'
import { Compile } from 'typebox/schema'
import { describe, expect, test } from 'vitest'
import { namesOf } from '../../scripts/certificates/certificate.ts'
import { find, type Manifest, objectsOf } from './manifests.ts'

// Against the schemas that Cluster API and cert-manager publish. Their API servers drop a field that is not in them;
// here it is a fault.
const fixture = new URL('../fixtures/custom-resources.json', import.meta.url)
const schemas: Record<string, object> = JSON.parse(readFileSync(fixture, 'utf8'))
const objects = objectsOf('cert-manager')
const custom = objects.filter(({ apiVersion, kind }) => `${apiVersion} ${kind}` in schemas)

function strict(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(strict)
  if (typeof schema !== 'object' || schema === null) return schema
  const inner = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, strict(value)]))
  return 'properties' in schema ? { ...inner, additionalProperties: false } : inner
}

function faults({ apiVersion, kind, spec }: Manifest) {
  const [, errors] = Compile(strict(schemas[`${apiVersion} ${kind}`]) as object).Errors(spec)
  return errors.map(({ instancePath, message }) => `${instancePath} ${message}`)
}

test('all that is not of Kubernetes itself is checked', () => {
  const own = ['v1', 'apps/v1', 'networking.k8s.io/v1', 'policy/v1']
  expect(custom).toEqual(objects.filter(({ apiVersion }) => !own.includes(apiVersion)))
  expect(custom).toHaveLength(5)
})

test.each(
  custom.map((object) => [object.kind, object.metadata.name, object]),
)('%s %s is as its schema says', (...all) => {
  expect(faults(all[2])).toEqual([])
})

test.each<[string, (spec: Manifest) => void]>([
  ['has a field that does not exist', (spec) => Object.assign(spec, { dnsName: ['x'] })],
  ['has a field of another type', (spec) => Object.assign(spec, { dnsNames: 'x' })],
  ['lacks what is needed', (spec) => delete spec.secretName],
  ['has a value that is not among those allowed', (spec) => Object.assign(spec.privateKey, { algorithm: 'EC' })],
])('a Certificate that %s would be found', (_, spoil) => {
  const certificate = structuredClone(find(objects, 'Certificate', 'capd-kubeadm-upgrader'))
  spoil(certificate.spec)
  expect(faults(certificate)).not.toEqual([])
})

describe("cert-manager's Certificate", () => {
  const { metadata, spec } = find(objects, 'Certificate', 'capd-kubeadm-upgrader')
  const pod = find(objects, 'Deployment').spec.template.spec
  const { name, namespace } = find(objects, 'Service').metadata

  test('fills the Secret that the pods mount', () => {
    const { secret } = pod.volumes.find((volume: { name: string }) => volume.name === 'tls')
    expect({ namespace: metadata.namespace, secretName: spec.secretName }).toEqual({
      namespace,
      secretName: secret.secretName,
    })
  })

  test('is for the same names as the one that the script makes', () => {
    expect(spec.dnsNames).toEqual(namesOf(name, namespace))
  })

  test('is signed by the CA that is made for it', () => {
    const issuer = find(objects, 'Issuer', spec.issuerRef.name)
    const authority = find(objects, 'Certificate', 'capd-kubeadm-upgrader-ca')
    expect(issuer.spec.ca.secretName).toBe(authority.spec.secretName)
    expect(authority.spec.isCA).toBe(true)
    expect(find(objects, 'Issuer', authority.spec.issuerRef.name).spec).toEqual({ selfSigned: {} })
  })
})

test('the overlay for cert-manager adds to the base and changes nothing of it', () => {
  expect(objects).toEqual(expect.arrayContaining(objectsOf('.')))
  expect(objects).toHaveLength(objectsOf('.').length + 4)
})
