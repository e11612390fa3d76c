import { mkdir, readdir } from 'node:fs/promises'
import { describe, expect, test, vi } from 'vitest'
import { UserError } from '../../scripts/host/user-error.ts'
import { managerOf, requiredModules } from '../../scripts/lab/build/cluster-api.ts'
import {
  clusterApiRelease,
  clusterApiReleases,
  keptNameOf,
  packageOf,
  providerImage,
} from '../../scripts/lab/host/cluster-api-releases.ts'
import { managementName, workloadPrefix } from '../../scripts/lab/host/names.ts'
import { ownCache } from './room.ts'

const [newest, older] = clusterApiReleases
if (!older) throw new Error('there is one release only')
const pairs = clusterApiReleases.flatMap((one) =>
  clusterApiReleases.filter((other) => other !== one).map((other) => [one, other] as const),
)

describe('UPGRADER_LAB_CAPI', () => {
  test.each([
    [undefined, 'v1.14.2'],
    ['', 'v1.14.2'],
    ['v1.14.2', 'v1.14.2'],
    ['v1.13.4', 'v1.13.4'],
  ])('%s selects %s', (value, version) => {
    vi.stubEnv('UPGRADER_LAB_CAPI', value)
    expect(clusterApiRelease().version).toBe(version)
  })

  test.each(['1.13.4', 'v1.13', 'v1.15.0', 'latest'])('%s is refused with the versions that there are', (value) => {
    vi.stubEnv('UPGRADER_LAB_CAPI', value)
    expect(clusterApiRelease).toThrow(UserError)
    expect(clusterApiRelease).toThrow(
      `UPGRADER_LAB_CAPI is "v1.14.2" or "v1.13.4", not "${value}".\nNext: unset UPGRADER_LAB_CAPI for v1.14.2`,
    )
  })
})

describe('two releases next to each other', () => {
  test('have management clusters of different names, none of which looks like a workload cluster of another', () => {
    expect(managementName(newest)).toBe('upgrader-management')
    expect(managementName(older)).toBe('upgrader-v1-13-management')
    for (const [one, other] of pairs) {
      expect(managementName(one).startsWith(workloadPrefix(managementName(other)))).toBe(false)
    }
  })

  test('have names that `down --all` finds by their ending', () => {
    for (const release of clusterApiReleases) expect(managementName(release)).toMatch(/-management$/)
  })

  test('leave the longest name of a scenario short enough for a host', () => {
    // As Cluster API names the machine of a control plane: 63 characters are the longest host name.
    for (const release of clusterApiReleases) {
      const cluster = `${workloadPrefix(managementName(release))}as-people-have-it`
      expect(`${cluster}-control-plane-xxxxx`.length).toBeLessThanOrEqual(63)
    }
  })

  test('keep their programs in the cache when the other is built', async () => {
    const { cache } = await ownCache()
    await mkdir(cache, { recursive: true })
    const { keep, keptFolder } = await import('../../scripts/lab/host/cache.ts')
    const names = clusterApiReleases.map((release) => keptNameOf(release, 'cluster-api'))
    for (const hash of ['aaaaaaaaaaaa', 'bbbbbbbbbbbb']) {
      for (const name of names) await keep(keptFolder(name, hash), async () => {})
    }
    expect((await readdir(cache)).sort()).toEqual(['cluster-api-bbbbbbbbbbbb', 'cluster-api-v1.13.4-bbbbbbbbbbbb'])
  })

  test('have different images', () => {
    const images = clusterApiReleases.flatMap((release) => release.providers.map((one) => providerImage(release, one)))
    expect(new Set(images).size).toBe(8)
    expect(images).toContain('registry.k8s.io/cluster-api/cluster-api-controller:v1.13.4')
  })
})

describe('the sources of a release', () => {
  test('v1.14 has its types in a module of their own, v1.13 does not', () => {
    expect(requiredModules(newest)).toContain('require sigs.k8s.io/cluster-api/api v1.14.2')
    expect(requiredModules(older)).toEqual([
      'require sigs.k8s.io/cluster-api v1.13.4',
      'require sigs.k8s.io/cluster-api/test v1.13.4',
    ])
  })

  test('the core provider is in a folder of its module, or at its root', () => {
    const core = clusterApiReleases.map(({ providers: [first] }) => first ?? { module: '', folder: '' })
    expect(core.map(packageOf)).toEqual(['sigs.k8s.io/cluster-api/core', 'sigs.k8s.io/cluster-api'])
    const managers = core.map((provider) => managerOf(provider, '/programs'))
    expect(managers).toEqual(['/programs/core/manager', '/programs/manager'])
  })
})
