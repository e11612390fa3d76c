import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

// Clusters that people really have, from public reports. A test of one begins its name with the id of the case; most
// have several: of the decision, of the step that it is about, and of its shell file. "npm run e2e -- as-people-have-it"
// has B01, B02, B06, B09, B11 and B15's worker on real machines.
const cases: Readonly<Record<string, string>> = {
  B01: "kubeadm's patches, which a machine loses when kubeadm renders without them",
  B02: "a static pod of the user's with a name like those of Kubernetes, such as kube-vip",
  B03: "a node image of kind's, whose images have a second name with the architecture",
  B06: 'an etcd that is not on the control plane machines',
  B07: 'a bootstrap provider other than kubeadm',
  B08: 'an index of several architectures of which one is there, which containerd 1.7 does not import by itself',
  B09: 'a file that a command has filled in',
  B11: 'containers of an older cluster of the same name',
  B12: 'a configuration that the new kubeadm refuses',
  B14: 'a kubeadm that fails each time',
  B15: 'a worker that stays behind its control plane',
  B16: 'a node image that the engine has by its digest alone, or not at all',
  B19: 'a hosted control plane',
  B21: 'a host with cgroup v1',
  B22: 'another snapshotter than overlayfs',
}

const folder = import.meta.dirname
const files = globSync('**/*.test.ts', { cwd: folder })
const labels = files.flatMap((file) =>
  [...readFileSync(join(folder, file), 'utf8').matchAll(/['"`](B\d\d): /g)].map(([, id = '']) => ({ id, file })),
)

test.each(Object.entries(cases))('%s has a test: %s', (id) => {
  expect(labels.filter((label) => label.id === id)).not.toEqual([])
})

test('no test is named after a case that is not in the list', () => {
  expect(labels.filter(({ id }) => !(id in cases))).toEqual([])
})
