import { expect, test } from 'vitest'
import type { Engine } from '../../src/machine/engine.ts'
import { startWorkersLab } from '../fake-docker/lab.ts'
import { target } from '../fake-docker/release.ts'
import { runs } from './model/health.ts'
import { startMachine, stopMachine } from './model/machine-faults.ts'
import { begin, when } from './walk.ts'

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
