import { expect, test } from 'vitest'
import type { Engine } from '../../src/machine/engine.ts'
import { startWorkersLab } from '../fake-docker/lab.ts'
import { begin, recordOf, taskOf, walk } from './walk.ts'

const one = [{ path: '/etc/app.conf', content: 'one' }]
const two = [{ path: '/etc/app.conf', content: 'two' }]

test('a request that a newer one has replaced does not come back by itself when that one ends', async () => {
  const lab = startWorkersLab('w-1')
  const { files, effects } = lab.machine('w-1')
  const requestedAt = lab.clock.monotonic()
  const sinceRequested = () => (lab.clock.monotonic() - requestedAt) / 1000
  const older = begin(lab, 'w-1', { files: one, sinceRequested })
  let newer: Promise<unknown> | undefined
  lab.clock.after(2, () => {
    newer = walk(lab, 'w-1', { files: two })
  })
  await older.ended
  await newer
  expect(recordOf(lab, 'w-1')).toMatchObject({ state: 'done', request: { key: taskOf('w-1', { files: two }).key } })
  expect(files.get('/etc/app.conf')).toBe('0644 root:root two\n')
  expect(effects.filter((effect) => effect.startsWith('write '))).toHaveLength(1)
  expect(older.run.progress.phase).toBe('InProgress')
})

test('a request that is still made goes on after the newer one', async () => {
  const lab = startWorkersLab('w-1')
  const older = begin(lab, 'w-1', { files: one })
  lab.clock.after(2, () => void walk(lab, 'w-1', { files: two }))
  await older.ended
  expect(older.run.progress.phase).toBe('Done')
  expect(lab.machine('w-1').files.get('/etc/app.conf')).toBe('0644 root:root one\n')
})

test('a request that is found again after a while, and was not made since, begins nothing', async () => {
  const lab = startWorkersLab('w-1')
  const requestedAt = lab.clock.monotonic()
  const sinceRequested = () => (lab.clock.monotonic() - requestedAt) / 1000
  // Its first look takes so long that a newer request comes and is done meanwhile.
  const exec: Engine['exec'] = async (...command) => {
    if (sinceRequested() < 100) {
      await walk(lab, 'w-1', { files: two })
      lab.clock.pass(100)
    }
    return lab.engine.exec(...command)
  }
  const older = begin(lab, 'w-1', { files: one, sinceRequested, engine: { ...lab.engine, exec } })
  await older.ended
  expect(lab.machine('w-1').files.get('/etc/app.conf')).toBe('0644 root:root two\n')
})
