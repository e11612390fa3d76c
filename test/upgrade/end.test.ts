import { expect, test } from 'vitest'
import type { Engine } from '../../src/machine/engine.ts'
import { startWorkersLab } from '../fake-docker/lab.ts'
import { target } from '../fake-docker/release.ts'
import { runs } from './model/health.ts'
import { startMachine, stopMachine } from './model/machine-faults.ts'
import { leftOn } from './model/watch.ts'
import { begin, recordFile, when } from './walk.ts'

// A machine, and what it was like each time that an end was noted.
function watched() {
  const lab = startWorkersLab('w-1')
  const machine = lab.machine('w-1')
  const ends: boolean[] = []
  const did = machine.did.bind(machine)
  machine.did = (effect) => {
    if (effect === 'note done') ends.push(runs(machine, target))
    did(effect)
  }
  const restart = () => {
    stopMachine(machine)
    startMachine(machine)
  }
  return { lab, ends, restart }
}

test('an end is noted on what runs after the last step, not on what ran before it', async () => {
  const { lab, ends, restart } = watched()
  const { run, ended } = begin(lab, 'w-1')
  when(lab, 'w-1', 'tidy', restart)
  await ended
  expect(run.progress.phase).toBe('Done')
  expect(ends).toEqual([true])
})

test('an end is not noted on a machine that was restarted since it was looked at', async () => {
  const { lab, ends, restart } = watched()
  let restarts = 0
  const exec: Engine['exec'] = (name, argv, options) => {
    const isEnd = argv[3] === 'change.sh' && (argv[6] ?? '').includes('"state":"done"')
    if (isEnd && restarts === 0) {
      restarts += 1
      restart()
    }
    return lab.engine.exec(name, argv, options)
  }
  const { run, ended } = begin(lab, 'w-1', { engine: { ...lab.engine, exec } })
  await ended
  expect(restarts).toBe(1)
  expect(run.progress.phase).toBe('Done')
  expect(ends).toEqual([true])
})

test('an end is not noted while something is staged that another process has begun with since the last step', async () => {
  const { lab } = watched()
  const machine = lab.machine('w-1')
  const left: string[][] = []
  const did = machine.did.bind(machine)
  machine.did = (effect) => {
    if (effect === 'note done') left.push(leftOn(machine))
    did(effect)
  }
  let looks = 0
  const exec: Engine['exec'] = (name, argv, options) => {
    looks += machine.effects.includes('tidy') && argv[3] === 'observe.sh' ? 1 : 0
    // The first one is that of the last step itself.
    if (looks === 2 && machine.units.names.length === 0) {
      const record = JSON.parse(machine.files.get(recordFile) ?? '')
      machine.files.set(recordFile, JSON.stringify({ ...record, revision: record.revision + 1 }))
      machine.units.start('capd-kubeadm-upgrader-binaries', 'binaries', 60, () => ({ exitCode: 0, log: '' }))
    }
    return lab.engine.exec(name, argv, options)
  }
  const { run, ended } = begin(lab, 'w-1', { engine: { ...lab.engine, exec } })
  await ended
  expect(looks).toBeGreaterThan(2)
  expect(run.progress.phase).toBe('Done')
  expect(left).toEqual([[]])
})
