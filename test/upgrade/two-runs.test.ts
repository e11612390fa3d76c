import { expect, test } from 'vitest'
import { type Lab, startQuickLab, startWorkersLab } from '../fake-docker/lab.ts'
import { target } from '../fake-docker/release.ts'
import { mortal } from './mortal.ts'
import { begin, unitsOf, walk, ways } from './walk.ts'

function labFor(name: string): Lab {
  return name === 'w-1' ? startWorkersLab('w-1') : startQuickLab('cp-1')
}

test.each(
  ways,
)('two replicas at once start each unit of %s once, %s, and both get there', async (name, exchange, units) => {
  const lab = labFor(name)
  const walks = [begin(lab, name, { settings: { exchange } }), begin(lab, name, { settings: { exchange } })]
  await Promise.all(walks.map(({ ended }) => ended))
  expect(walks.map(({ run }) => run.progress.message)).toEqual([`at ${target}`, `at ${target}`])
  expect(unitsOf(lab, name)).toEqual(units)
  expect(lab.fake.helpers.starts).toHaveLength(1)
})

test('two replicas at once start each helper container once', async () => {
  const lab = startWorkersLab('w-1')
  const sources = { binaries: 'node-image' } as const
  const walks = [begin(lab, 'w-1', { sources }), begin(lab, 'w-1', { sources })]
  await Promise.all(walks.map(({ ended }) => ended))
  expect(walks.map(({ run }) => run.progress.message)).toEqual([`at ${target}`, `at ${target}`])
  expect(lab.fake.helpers.starts).toEqual(['capd-kubeadm-upgrader-binaries-w-1', 'capd-kubeadm-upgrader-images-w-1'])
  expect(unitsOf(lab, 'w-1')).toEqual(['binaries', 'images', 'kubeadm', 'kubelet'])
})

test.each(ways)('replicas that come one after another on %s, %s, do nothing twice', async (name, exchange, units) => {
  const lab = labFor(name)
  const another = () => begin(lab, name, { settings: { exchange } })
  const walks = [another()]
  for (const seconds of [2, 4, 8, 16, 24]) lab.clock.after(seconds, () => walks.push(another()))
  await walks[0]?.ended
  await Promise.all(walks.map(({ ended }) => ended))
  expect(walks.length).toBeGreaterThan(3)
  for (const { run } of walks) expect(run.progress.phase).toBe('Done')
  expect(unitsOf(lab, name)).toEqual(units)
})

test.each(
  ways,
)('a service that is killed again and again gets %s there all the same, %s', async (name, exchange, units) => {
  const lab = labFor(name)
  const settings = { exchange }
  let lives = 0
  for (;;) {
    lives += 1
    // Long enough to begin a step, and too short to see many through.
    const { engine, died } = mortal(lab.engine, 20, lives % 2 === 0 ? 'before' : 'after')
    const life = begin(lab, name, { engine, settings })
    if ((await Promise.race([died, life.ended])) === undefined) break
    expect(lives).toBeLessThan(50)
  }
  expect(lives).toBeGreaterThan(2)
  expect((await walk(lab, name, { settings })).run.progress.phase).toBe('Done')
  expect(unitsOf(lab, name)).toEqual(units)
})

test('two machines are upgraded side by side', async () => {
  const lab = startWorkersLab('w-1', 'w-2')
  const walks = await Promise.all([walk(lab, 'w-1'), walk(lab, 'w-2')])
  expect(walks.map(({ run }) => run.progress.phase)).toEqual(['Done', 'Done'])
  for (const name of ['w-1', 'w-2']) expect(unitsOf(lab, name)).toEqual(['binaries', 'images', 'kubeadm', 'kubelet'])
})
