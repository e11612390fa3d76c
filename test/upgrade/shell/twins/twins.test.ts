import { describe, expect, test } from 'vitest'
import { startQuickLab } from '../../../fake-docker/lab.ts'
import type { TwinCase } from './case.ts'
import { exchangeCases } from './exchange-cases.ts'
import { fileCases } from './file-cases.ts'
import { kubeadmCases } from './kubeadm-cases.ts'
import { programCases } from './program-cases.ts'
import { rootLike } from './root.ts'
import { runOn, runTwin } from './run.ts'

// Files are written for root and daemon, whom only root can give them to.
const isRoot = process.getuid?.() === 0
const all = [...programCases, ...fileCases, ...kubeadmCases, ...exchangeCases].filter(
  ({ script }) => isRoot || script !== 'files',
)

// One table for both: the shell file on a real root, and its twin on the simulated machine that the root was made from.
describe.skipIf(process.platform !== 'linux')('a shell file and its twin do the same', () => {
  test.each(all)('$script: $what', async (one: TwinCase) => {
    const { name = 'cp-1', prepare, equip, exitCode = 0, printed = '', leaves = {} } = one
    const lab = startQuickLab('cp-1', 'cp-2', 'w-1')
    const machine = lab.machine(name)
    prepare?.(machine, lab)
    const root = rootLike(lab, machine)
    equip?.(root, machine)
    machine.effects.length = 0
    const real = await runOn(root, one)
    expect(real).toMatchObject({ exitCode, printed })
    for (const [path, content] of Object.entries(leaves)) expect([path, real.files[path]]).toEqual([path, content])
    expect(runTwin(machine, one)).toEqual(real)
  })
})
