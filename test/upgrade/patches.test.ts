import { expect, test } from 'vitest'
import { kubeadm } from '../../src/upgrade/steps/kubeadm.ts'
import { type Lab, startQuickLab, startWorkersLab } from '../fake-docker/lab.ts'
import { contextOf, walk } from './walk.ts'

const directory = '/etc/kubernetes/patches'
const patches = { patches: { directory } }

// The arguments of the unit that runs kubeadm.sh, from the directory of patches on.
function given(lab: Lab, name: string): string[] {
  const unit = lab.machine(name).commands.find((argv) => argv[0] === 'systemd-run' && argv.some(isKubeadm)) ?? []
  return unit.slice(unit.findIndex((arg) => arg.endsWith('/kubeadm.sh')) + 4)
}

function isKubeadm(arg: string): boolean {
  return arg.endsWith('/kubeadm.sh')
}

test.each([
  ['w-1', { joinConfiguration: patches }],
  ['cp-1', { joinConfiguration: patches }],
  ['cp-1', { initConfiguration: patches }],
])("kubeadm on %s is given the patches of the machine's KubeadmConfig", async (name, spec) => {
  const lab = name === 'cp-1' ? startQuickLab('cp-1') : startWorkersLab('w-1')
  lab.machine(name).files.set(`${directory}/kubeletconfiguration.json`, '{}')
  expect((await walk(lab, name, { spec })).run.progress.phase).toBe('Done')
  const [path, configuration = ''] = given(lab, name)
  expect(path).toBe(directory)
  expect(JSON.parse(configuration)).toEqual({
    apiVersion: 'kubeadm.k8s.io/v1beta4',
    kind: 'UpgradeConfiguration',
    node: { imagePullPolicy: 'Never', patches: { directory } },
  })
})

test('kubeadm is given no patches where the KubeadmConfig names none', async () => {
  const lab = startWorkersLab('w-1')
  await walk(lab, 'w-1')
  const [path, configuration = ''] = given(lab, 'w-1')
  expect(path).toBe('-')
  expect(JSON.parse(configuration).node).toEqual({ imagePullPolicy: 'Never' })
})

test.each([
  ['v1.30.4', true],
  ['v1.31.0', false],
])('kubeadm %s is given the patches by a flag: %j', async (version, hasFlag) => {
  const lab = startQuickLab('w-1')
  lab.machine('w-1').files.set(`${directory}/kubeletconfiguration.json`, '{}')
  const context = contextOf(lab, 'w-1', { spec: { joinConfiguration: patches } })
  await kubeadm.apply?.({ ...context, target: version })
  expect(given(lab, 'w-1').includes(`--patches=${directory}`)).toBe(hasFlag)
})

test('a directory that is missing in the machine is a failure before kubeadm starts', async () => {
  const lab = startWorkersLab('w-1')
  const { run } = await walk(lab, 'w-1', { spec: { joinConfiguration: patches } })
  expect(run.progress).toMatchObject({ phase: 'Failed', step: 'kubeadm' })
  expect(run.progress.message).toMatch(/\(PATCHES_MISSING\)$/)
  expect(lab.machine('w-1').effects.filter((effect) => effect.startsWith('kubeadm upgrade'))).toEqual([])
})
