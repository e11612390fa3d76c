import { describe, expect, test } from 'vitest'
import { decide } from '../../src/decide/decide.ts'
import { patchesDirectory } from '../../src/kubernetes/patches.ts'
import { question } from './questions.ts'

type Spec = Record<string, unknown>

const directory = '/etc/kubernetes/patches'
const init = (name: unknown) => ({ initConfiguration: { patches: { directory: name } } })
const join = (name: unknown) => ({ joinConfiguration: { patches: { directory: name } } })
const roles = ['control-plane', 'worker'] as const

// What becomes of a new version of a machine whose KubeadmConfig is this.
function decisionOn(spec: Spec, role: (typeof roles)[number]) {
  return decide(question({ role, bootstrap: [spec, structuredClone(spec)] }))
}

test.each<[string, Spec, string | undefined, string | undefined]>([
  ['nothing', {}, undefined, undefined],
  ['init', init(directory), directory, undefined],
  ['join', join(directory), directory, directory],
  ['both', { ...init(directory), ...join(directory) }, directory, directory],
  ['both, one of them empty', { ...init(''), ...join(directory) }, directory, directory],
  ['null', join(null), undefined, undefined],
  ['an empty object', { joinConfiguration: { patches: {} } }, undefined, undefined],
])('with patches in %s a version is accepted, and the directory is known', (_, spec, controlPlane, worker) => {
  expect(roles.map((role) => patchesDirectory(spec, role))).toEqual([controlPlane, worker])
  for (const role of roles) expect(decisionOn(spec, role).declined).toEqual([])
})

describe('a KubeadmConfig whose patches kubeadm cannot be given is declined', () => {
  const unclean = [
    'etc/kubernetes/patches',
    '/etc/kubernetes/patches/',
    '/etc//kubernetes/patches',
    '/etc/./patches',
    '/etc/../patches',
    '/etc/my patches',
    '/etc/*',
    '/etc/$HOME',
    "/p\nend-of-input\nid >/etc/pwned\n: <<'end-of-input'",
    '/p\n',
    '/',
    `/${'a'.repeat(256)}`,
    '/a'.repeat(2048),
    7,
    ['/a'],
    {},
  ]

  test.each(unclean)('the directory is %j', (name) => {
    for (const role of roles) {
      const { accepted, declined, operations } = decisionOn(join(name), role)
      expect(accepted).toEqual([])
      expect(operations).toEqual({ machine: [], bootstrapConfig: [] })
      expect(declined).toMatchObject([
        { code: 'CONFIG_NOT_COVERED', values: { path: 'joinConfiguration.patches.directory' } },
      ])
      if (typeof name === 'string' && name.length > 1) expect(declined[0]?.message).not.toContain(name)
    }
  })

  test('init and join of a control plane machine name two of them', () => {
    const spec = { ...init('/etc/a'), ...join('/etc/b') }
    expect(decisionOn(spec, 'control-plane').declined.map(({ message }) => message)).toEqual([
      "The KubeadmConfig's joinConfiguration.patches.directory is not supported in place: initConfiguration names another directory. (CONFIG_NOT_COVERED)",
    ])
    expect(decisionOn(spec, 'worker').declined).toEqual([])
  })
})

test('another directory is not covered', () => {
  const { declined } = decide(question({ bootstrap: [join('/etc/a'), join('/etc/b')] }))
  expect(declined.map(({ values }) => values.path)).toEqual(['bootstrapConfig joinConfiguration.patches.directory'])
})
