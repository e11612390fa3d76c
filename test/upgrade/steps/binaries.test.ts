import { expect, test } from 'vitest'
import type { EndedUnit } from '../../../src/upgrade/step.ts'
import { binaries } from '../../../src/upgrade/steps/binaries.ts'
import { type Lab, startQuickLab } from '../../fake-docker/lab.ts'
import { target } from '../../fake-docker/release.ts'
import { situationOf, usualSources } from '../walk.ts'
import { stage, work } from './look.ts'

const args = [target, `${work}/bin`, 'pod-infra-container-image']
const failed = { name: 'a-unit', state: 'failed', invocationId: 'run-1', result: 'exit-code' } as const
const goal = { target, sources: { ...usualSources, binaries: 'node-image' } } as const

async function actionIn(lab: Lab, from: 'download' | 'node-image') {
  return binaries.action?.(await situationOf(lab, 'cp-1', binaries, { sources: { binaries: from } }))
}

test('programs of the node image are copied by a container of it, and then checked in the machine', async () => {
  const lab = startQuickLab('cp-1')
  stage(lab, 'cp-1', 'images.list')
  const copying = await actionIn(lab, 'node-image')
  expect(copying).toMatchObject({ kind: 'helper', takes: 'binaries', image: `kindest/node:${target}` })
  if (copying?.kind !== 'helper') throw new Error('no helper is started')
  expect(copying.argv.slice(3)).toEqual(['binaries-copy', work.replace('/var/', '/machine/'), target])
  stage(lab, 'cp-1', 'bin.copied/kubeadm', target)
  const script = { name: 'binaries.sh' }
  expect(await actionIn(lab, 'node-image')).toMatchObject({
    kind: 'unit',
    script,
    args: [`${work}/bin.copied`, ...args],
  })
})

test('a download does not look at what was copied before', async () => {
  const lab = startQuickLab('cp-1')
  stage(lab, 'cp-1', 'bin.copied/kubeadm', target)
  expect(await actionIn(lab, 'download')).toMatchObject({ kind: 'unit', args: ['http://files/release', ...args] })
})

test.each<[EndedUnit, object]>([
  [
    { ...failed, exitCode: 45, log: 'failed: kubelet\n' },
    { code: 'IMAGE_BINARY_UNUSABLE', values: { what: 'kubelet', image: `kindest/node:${target}` } },
  ],
  [{ ...failed, exitCode: 49, log: 'refused: unknown flag: --x\n' }, { code: 'KUBELET_FLAGS_REFUSED' }],
  [
    { ...failed, exitCode: 1, log: 'mv: no\n' },
    { code: 'UNIT_FAILED', answer: 'progress' },
  ],
])('a unit that checks programs of the node image and ends with $exitCode is explained', (unit, error) => {
  expect(binaries.explain?.(unit, goal)).toMatchObject(error)
})
