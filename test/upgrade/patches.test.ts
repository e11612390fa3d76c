import { expect, test } from 'vitest'
import { unitNameOf, workDirectory } from '../../src/upgrade/step.ts'
import { kubeadm } from '../../src/upgrade/steps/kubeadm.ts'
import { type Lab, startQuickLab, startWorkersLab } from '../fake-docker/lab.ts'
import { situationOf, walk } from './walk.ts'

const directory = '/etc/kubernetes/patches'
const patches = { patches: { directory } }

// The arguments of kubeadm.sh, from the directory of patches on, as the machine was given them.
function given(lab: Lab, name: string): string[] {
  const start = lab.machine(name).commands.find((argv) => argv.includes('start') && argv.includes(unitNameOf(kubeadm)))
  return start?.slice(start.indexOf(workDirectory) + 3) ?? []
}

test.each([
  ['w-1', { joinConfiguration: patches }],
  ['cp-1', { joinConfiguration: patches }],
  ['cp-1', { initConfiguration: patches }],
])("B01: kubeadm on %s is given the patches of the machine's KubeadmConfig", async (name, spec) => {
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
  const options = { version, spec: { joinConfiguration: patches } }
  const action = kubeadm.action?.(await situationOf(startQuickLab('w-1'), 'w-1', kubeadm, options))
  expect(action).toMatchObject({ kind: 'unit' })
  const flags = action?.kind === 'unit' ? action.args : []
  expect(flags.includes(`--patches=${directory}`)).toBe(hasFlag)
  expect(flags.includes(`--config=${workDirectory}/upgrade.yaml`)).toBe(!hasFlag)
})

test('a directory that is missing in the machine is a failure before kubeadm starts', async () => {
  const lab = startWorkersLab('w-1')
  const { run } = await walk(lab, 'w-1', { spec: { joinConfiguration: patches } })
  expect(run.progress).toMatchObject({ phase: 'Failed', step: 'kubeadm', error: { code: 'PATCHES_MISSING' } })
  expect(lab.machine('w-1').effects.filter((effect) => effect.startsWith('kubeadm upgrade'))).toEqual([])
})
