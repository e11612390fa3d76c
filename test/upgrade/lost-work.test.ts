import { expect, test } from 'vitest'
import { startWorkersLab } from '../fake-docker/lab.ts'
import { begin, walk, when } from './walk.ts'

const work = '/var/lib/capd-kubeadm-upgrader/work'

// What a change.sh leaves that was killed while it began another attempt, whose request is not made any more.
test.each([
  ['is gone', undefined],
  ["is another attempt's", 'v1.36.3\n'],
])('an attempt whose work directory %s goes on', async (_, key) => {
  const lab = startWorkersLab('w-1')
  const machine = lab.machine('w-1')
  machine.units.hold('binaries')
  const first = begin(lab, 'w-1')
  lab.clock.after(5, () => lab.clock.stop())
  await first.ended
  lab.clock.resume()
  machine.units.release('binaries')
  machine.removeDirectory(work)
  if (key !== undefined) machine.files.set(`${work}/key`, key)
  const { run } = await walk(lab, 'w-1')
  expect(run.progress).toMatchObject({ phase: 'Done' })
})

test.each([
  ['is gone', undefined],
  ["is another attempt's", 'v1.36.3\n'],
])('an attempt goes on whose work directory %s while its programs are staged', async (_, key) => {
  const lab = startWorkersLab('w-1')
  const machine = lab.machine('w-1')
  const { run, ended } = begin(lab, 'w-1')
  when(lab, 'w-1', 'start unit binaries', () => {
    machine.removeDirectory(work)
    if (key !== undefined) machine.files.set(`${work}/key`, key)
  })
  await ended
  expect(run.progress).toMatchObject({ phase: 'Done' })
  expect(machine.uptime - 3600).toBeLessThan(600)
})
