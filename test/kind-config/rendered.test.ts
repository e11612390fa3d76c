import { describe, expect, test } from 'vitest'
import { variables } from '../../src/config/environment.ts'
import { find, type Manifest, objectsOf, renderedByKubectl } from './manifests.ts'

// The kustomizations, and the components that go with them.
const all: [string, string[]][] = [
  ['.', []],
  ['cert-manager', []],
  ['.', ['client-certificates']],
  ['cert-manager', ['client-certificates']],
]

const keyOf = ({ kind, metadata }: Manifest) => `${kind} ${metadata.name}`
const byKey = (objects: Manifest[]) => new Map(objects.map((object) => [keyOf(object), object]))

describe.skipIf(!renderedByKubectl('.'))('what the tests read is what kubectl renders', () => {
  test.each(all)('of %s with %j', (kustomization, components) => {
    expect(byKey(objectsOf(kustomization, components))).toEqual(
      byKey(renderedByKubectl(kustomization, components) ?? []),
    )
  })
})

describe('client certificates', () => {
  const objects = objectsOf('.', ['client-certificates'])
  const pod = find(objects, 'Deployment').spec.template.spec
  const [container] = pod.containers
  const plain = find(objectsOf('.'), 'Deployment').spec.template.spec

  test('are requested by a variable that names the mounted file', () => {
    const name = 'UPGRADER_CLIENT_CA_FILE'
    expect(Object.keys(variables)).toContain(name)
    const { value } = container.env.find((variable: Manifest) => variable.name === name)
    const { mountPath } = container.volumeMounts.find((mount: Manifest) => mount.name === 'client-ca')
    const { secret } = pod.volumes.find((volume: Manifest) => volume.name === 'client-ca')
    expect(value).toBe(`${mountPath}/${secret.items[0].path}`)
    expect(secret.items).toEqual([{ key: 'ca.crt', path: 'ca.crt' }])
  })

  test('change nothing else', () => {
    const withoutThem = structuredClone(pod)
    const [changed] = withoutThem.containers
    changed.env = changed.env.filter((variable: Manifest) => variable.name !== 'UPGRADER_CLIENT_CA_FILE')
    changed.volumeMounts = changed.volumeMounts.filter((mount: Manifest) => mount.name !== 'client-ca')
    withoutThem.volumes = withoutThem.volumes.filter((volume: Manifest) => volume.name !== 'client-ca')
    expect(withoutThem).toEqual(plain)
    expect(objects).toHaveLength(objectsOf('.').length)
  })
})
