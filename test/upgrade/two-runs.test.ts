import { expect, test } from 'vitest'
import { type Lab, startQuickLab, startWorkersLab } from '../fake-docker/lab.ts'
import { target } from '../fake-docker/release.ts'
import { mortal } from './mortal.ts'
import { begin, walk } from './walk.ts'

const labs: [string, () => Lab][] = [
  ['cp-1', () => startQuickLab('cp-1')],
  ['w-1', () => startWorkersLab('w-1')],
]
const units = ['binaries', 'images', 'kubeadm', 'kubelet'].map((step) => `capd-kubeadm-upgrader-${step}`)

test.each(labs)('two replicas at once start each unit of %s once, and both get there', async (name, start) => {
  const lab = start()
  const walks = [begin(lab, name), begin(lab, name)]
  await Promise.all(walks.map(({ ended }) => ended))
  expect(walks.map(({ run }) => run.progress.message)).toEqual([`at ${target}`, `at ${target}`])
  expect(lab.machine(name).units.starts).toEqual(units)
  expect(lab.fake.helpers.starts).toHaveLength(1)
})

test.each(labs)('replicas that come one after another on %s do nothing twice', async (name, start) => {
  const lab = start()
  const walks = [begin(lab, name)]
  for (const seconds of [2, 4, 8, 16, 24]) lab.clock.after(seconds, () => walks.push(begin(lab, name)))
  await walks[0]?.ended
  await Promise.all(walks.map(({ ended }) => ended))
  expect(walks.length).toBeGreaterThan(3)
  for (const { run } of walks) expect(run.progress.phase).toBe('Done')
  expect(lab.machine(name).units.starts).toEqual(units)
})

test.each(labs)('a service that is killed again and again gets %s there all the same', async (name, start) => {
  const lab = start()
  let lives = 0
  for (;;) {
    lives += 1
    // Long enough to begin a step, and too short to see many through.
    const { engine, died } = mortal(lab.engine, 20, lives % 2 === 0 ? 'before' : 'after')
    const life = begin(lab, name, { engine })
    if ((await Promise.race([died, life.ended])) === undefined) break
    expect(lives).toBeLessThan(50)
  }
  expect(lives).toBeGreaterThan(2)
  expect((await walk(lab, name)).run.progress.phase).toBe('Done')
  expect(lab.machine(name).units.starts).toEqual(units)
})

test('two machines are upgraded side by side', async () => {
  const lab = startWorkersLab('w-1', 'w-2')
  const walks = await Promise.all([walk(lab, 'w-1'), walk(lab, 'w-2')])
  expect(walks.map(({ run }) => run.progress.phase)).toEqual(['Done', 'Done'])
  expect(lab.machine('w-1').units.starts).toEqual(units)
  expect(lab.machine('w-2').units.starts).toEqual(units)
})
