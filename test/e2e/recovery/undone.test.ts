import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { withArgument, withoutArgument } from '../../../e2e/recovery/undone.ts'

describe('an argument of the API server that does not exist', () => {
  test.each([
    ['a list', 'apiServer:\n  certSANs: [localhost]\n  extraArgs:\n  - name: runtime-config\n    value: ""\n'],
    ['a map', 'apiServer:\n  extraArgs:\n    runtime-config: ""\n'],
  ])('in %s: is put in, and taken out again', (_, apiServer) => {
    const text = `${apiServer}kind: ClusterConfiguration\nkubernetesVersion: v1.34.4\n`
    const broken = withArgument(text, 'no-such-flag')
    expect(broken).toContain('no-such-flag')
    // Cluster API's part in the test looks for this line.
    expect(broken).toMatch(/^kubernetesVersion: v1\.34\.4$/m)
    expect(parse(withoutArgument(broken, 'no-such-flag'))).toEqual(parse(text))
  })

  test('where there are no arguments', () => {
    const broken = withArgument('apiServer: {}\nkind: ClusterConfiguration\n', 'no-such-flag')
    expect(parse(broken).apiServer.extraArgs).toEqual([{ name: 'no-such-flag', value: 'x' }])
    expect(parse(withoutArgument(broken, 'no-such-flag')).apiServer.extraArgs).toEqual([])
  })
})
