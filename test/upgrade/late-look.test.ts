import { expect, test } from 'vitest'
import type { Engine } from '../../src/machine/engine.ts'
import { startWorkersLab } from '../fake-docker/lab.ts'
import { target } from '../fake-docker/release.ts'
import { begin, recordOf, walk } from './walk.ts'

const sources = { images: 'pull' } as const

test('an attempt that begins between two looks of another process is not replaced by it', async () => {
  const lab = startWorkersLab('w-1')
  const { effects, units } = lab.machine('w-1')
  // What is staged from a first attempt lets the next one look further before it begins.
  units.fail('kubeadm', { exitCode: 1, log: 'error: no\n' })
  await walk(lab, 'w-1', { version: 'v1.35.3', sources })
  lab.clock.pass(20)
  let looks = 0
  // Its second look, at what the first one does not cover, comes when the other attempt has changed the machine.
  const exec: Engine['exec'] = async (...command) => {
    looks += 1
    while (looks === 2 && !effects.includes(`kubelet ${target} starts`)) await lab.clock.sleep(0.2)
    return lab.engine.exec(...command)
  }
  const slow = begin(lab, 'w-1', { version: 'v1.35.3', sources, engine: { ...lab.engine, exec } })
  const quick = begin(lab, 'w-1', { sources })
  await Promise.all([slow.ended, quick.ended])
  expect(recordOf(lab, 'w-1')?.events.filter(({ event }) => event.startsWith('replaced'))).toEqual([])
  expect(quick.run.progress.message).toBe(`at ${target}`)
})
