import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { UpgradeError } from '../../src/errors/upgrade-error.ts'
import type { ExecResult } from '../../src/machine/engine.ts'
import { eachLimit, limited, slowLimit, slowSeconds } from '../../src/machine/exec-limit.ts'
import { waitingLimit } from '../../src/machine/slots.ts'
import { silent } from '../app/serve.ts'
import { ManualClock } from '../fake-docker/manual-clock.ts'

// An engine that runs at most so many execs at once, each of which ends when the test lets it: by its container's name.
function limitedEngine(atOnce: number) {
  const running = new Map<string, { end: () => void; fail: (error: Error) => void }>()
  const begun: string[] = []
  const exec = (name: string) => {
    begun.push(name)
    return new Promise<ExecResult>((resolve, reject) => {
      running.set(name, { end: () => resolve({ exitCode: 0, stdout: name, stderr: '' }), fail: reject })
    })
  }
  const engine = limited(silent({ exec, ping: async () => {} }), atOnce)
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

// An engine whose execs hang for so many seconds, where it is not 0.
function engineWith(secondsIn: (name: string) => number, atOnce = 8) {
  const clock = new ManualClock()
  const underWay: string[] = []
  const exec = async (name: string) => {
    underWay.push(name)
    const seconds = secondsIn(name)
    if (seconds > 0) await clock.sleep(seconds)
    else await nextTurn()
    underWay.splice(underWay.indexOf(name), 1)
    if (seconds > 0) throw new UpgradeError('EXEC_TIME_LIMIT', { command: 'true' })
    return { exitCode: 0, stdout: name, stderr: '' }
  }
  const engine = limited(silent({ exec }), atOnce, clock)
  return { clock, underWay, run: (name: string) => engine.exec(name, ['true']) }
}

async function turns(count = 20) {
  for (let i = 0; i < count; i += 1) await nextTurn()
}

test('a hundred machines that hang again and again do not keep the others from their turn', async () => {
  const { clock, underWay, run } = engineWith((name) => (name.startsWith('hangs') ? 70 : 0))
  let isOver = false
  const again = async (name: string) => {
    while (!isOver) {
      await run(name).catch(() => {})
      await clock.sleep(3)
    }
  }
  const hanging = Array.from({ length: 100 }, (_, i) => again(`hangs-${i}`))
  // Each is met once.
  for (let i = 0; i < 600; i += 1) {
    await turns(3)
    clock.pass(1)
  }
  const most = { hanging: 0, usual: 0 }
  for (let i = 0; i < 100; i += 1) {
    await turns(3)
    expect((await run(`well-${i}`)).stdout).toBe(`well-${i}`)
    most.hanging = Math.max(most.hanging, underWay.length)
    clock.pass(1)
  }
  // They use their own places, and no other ones.
  expect(most.hanging).toBe(slowLimit)
  isOver = true
  for (let i = 0; i < 600; i += 1) {
    await turns(3)
    clock.pass(1)
  }
  await Promise.all(hanging)
  expect(clock.sleepers).toBe(0)
})

test('one machine holds two places, however many execs it wants, and two more while it hangs', async () => {
  const { clock, underWay, run } = engineWith((name) => (name === 'hangs' ? 70 : 0))
  const all = Array.from({ length: 20 }, () => run('hangs').catch(() => {}))
  await turns()
  expect(underWay).toHaveLength(eachLimit)
  const most: number[] = []
  for (let i = 0; i < 70 * 10 + 10; i += 1) {
    expect((await run('well')).stdout).toBe('well')
    most.push(underWay.length)
    clock.pass(1)
    await turns(5)
  }
  expect(Math.max(...most)).toBeLessThanOrEqual(2 * eachLimit)
  await Promise.all(all)
})

test('a machine that is well again needs no place of those that hang', async () => {
  const hanging = new Set(['ill'])
  const { clock, run } = engineWith((name) => (hanging.has(name) ? 70 : 0), slowLimit)
  const first = run('ill').catch(() => {})
  await turns()
  clock.pass(70)
  await first
  hanging.delete('ill')
  await run('ill')
  const others = Array.from({ length: slowLimit }, (_, i) => `hangs-${i}`)
  for (const name of others) hanging.add(name)
  const ends = others.map((name) => run(name).catch(() => {}))
  await turns()
  clock.pass(slowSeconds)
  await turns()
  expect((await run('ill')).stdout).toBe('ill')
  clock.pass(70)
  await Promise.all(ends)
})

test('a machine that was removed while it hung is not remembered', async () => {
  const { clock, run } = engineWith((name) => (name.startsWith('hangs') ? 70 : 0), slowLimit)
  const others = Array.from({ length: slowLimit }, (_, i) => `hangs-${i}`)
  for (let i = 0; i < 2; i += 1) {
    const ends = others.map((name) => run(name).catch(() => {}))
    await turns()
    // The first time it takes the usual places, and the second time, long after, again.
    const ended = vi.fn()
    run('well').then(ended)
    await turns()
    expect(ended).not.toHaveBeenCalled()
    clock.pass(70)
    await Promise.all(ends)
    await turns()
    clock.pass(601)
  }
})

test('one that ends while it waits for a place of those that hang leaves none behind', async () => {
  const { clock, underWay, run } = engineWith((name) => (name.startsWith('hangs') ? 70 : 20), slowLimit)
  const others = Array.from({ length: slowLimit }, (_, i) => `hangs-${i}`)
  const inAll = () => others.map((name) => run(name).catch(() => {}))
  const first = inAll()
  await turns()
  clock.pass(slowSeconds)
  await turns()
  const late = run('late').catch(() => {})
  await turns()
  clock.pass(slowSeconds)
  await turns()
  clock.pass(5)
  await late
  clock.pass(70)
  await Promise.all(first)
  const again = inAll()
  await turns()
  expect(underWay).toHaveLength(slowLimit)
  clock.pass(70)
  await Promise.all(again)
})
