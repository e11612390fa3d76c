import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { ExecResult } from '../../src/machine/engine.ts'
import { limited, slowLimit, waitingLimit } from '../../src/machine/exec-limit.ts'
import { silent } from '../app/serve.ts'
import { ManualClock } from '../fake-docker/manual-clock.ts'

// An engine that runs at most so many execs at once, each of which ends when the test lets it: by its container's name.
function limitedEngine(atOnce: number, clock?: ManualClock) {
  const running = new Map<string, { end: () => void; fail: (error: Error) => void }>()
  const begun: string[] = []
  const exec = (name: string) => {
    begun.push(name)
    return new Promise<ExecResult>((resolve, reject) => {
      running.set(name, { end: () => resolve({ exitCode: 0, stdout: name, stderr: '' }), fail: reject })
    })
  }
  const engine = limited(silent({ exec, ping: async () => {} }), atOnce, clock)
  return { engine, running, begun, start: (name: string) => engine.exec(name, ['true']) }
}

test('so many execs are under way at once, and the others follow in their order', async () => {
  const { start, running, begun } = limitedEngine(2)
  const results = new Map([...'abcde'].map((name) => [name, start(name)]))
  await nextTurn()
  expect(begun).toEqual(['a', 'b'])
  running.get('b')?.end()
  expect((await results.get('b'))?.stdout).toBe('b')
  // Whoever comes now is behind those who wait.
  results.set('f', start('f'))
  await nextTurn()
  expect(begun).toEqual(['a', 'b', 'c'])
  for (const name of 'acdef') {
    running.get(name)?.end()
    await results.get(name)
    await nextTurn()
  }
  expect(begun).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
})

test('an exec that throws frees its place', async () => {
  const { start, running, begun } = limitedEngine(1)
  const [first, second] = [start('a'), start('b')]
  await nextTurn()
  running.get('a')?.fail(new Error('no'))
  await expect(first).rejects.toThrow('no')
  await nextTurn()
  running.get('b')?.end()
  await second
  // All places are free again.
  const third = start('c')
  await nextTurn()
  expect(begun).toEqual(['a', 'b', 'c'])
  running.get('c')?.end()
  await third
})

test('only so many wait; the next one is refused at once, and the others are not', async () => {
  const { start, running } = limitedEngine(1)
  const results = Array.from({ length: 1 + waitingLimit }, (_, i) => start(String(i)))
  await expect(start('late')).rejects.toMatchObject({ code: 'ENGINE_BUSY' })
  for (const [i, result] of results.entries()) {
    await nextTurn()
    running.get(String(i))?.end()
    expect((await result).stdout).toBe(String(i))
  }
})

test('other calls do not wait for execs', async () => {
  const { engine, start } = limitedEngine(1)
  start('a').catch(() => {})
  await engine.ping()
})

test('machines that hang do not keep all places, up to a number', async () => {
  const clock = new ManualClock()
  const { start, running, begun } = limitedEngine(2, clock)
  const hanging = Array.from({ length: slowLimit + 2 }, (_, i) => start(`hangs-${i}`))
  for (let passed = 0; passed < slowLimit; passed += 2) {
    await nextTurn()
    clock.pass(15)
  }
  await nextTurn()
  // The last two keep their places.
  clock.pass(15)
  const after = start('after')
  await nextTurn()
  expect(begun).toHaveLength(slowLimit + 2)
  // The end of a slow one makes no place, and the end of another does.
  running.get('hangs-0')?.end()
  await nextTurn()
  expect(begun).not.toContain('after')
  running.get(`hangs-${slowLimit}`)?.end()
  await nextTurn()
  running.get('after')?.end()
  expect((await after).stdout).toBe('after')
  for (const { end } of running.values()) end()
  await Promise.all(hanging)
  expect(clock.sleepers).toBe(0)
})
