import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { Engine } from '../../src/machine/engine.ts'
import { memberObserver } from '../../src/upgrade/members.ts'
import { startQuickLab } from '../fake-docker/lab.ts'

// Two workers that want to know of one control plane machine, whose execs end when the test lets them.
function observing() {
  const lab = startQuickLab('cp-1', 'w-1', 'w-2')
  const ends: (() => void)[] = []
  const exec: Engine['exec'] = async (...command) => {
    await new Promise<void>((resolve) => ends.push(resolve))
    return lab.engine.exec(...command)
  }
  const observer = memberObserver({ ...lab.engine, exec }, lab.clock)
  const look = (name: string, withinSeconds: number) =>
    observer.observe({ name, cluster: 'lab', role: 'worker' }, [], withinSeconds)
  return { lab, ends, look }
}

test('a look that is under way is waited for, and one that has become too old is made again, once', async () => {
  const { lab, ends, look } = observing()
  const looks = [look('w-1', 2)]
  await nextTurn()
  lab.clock.pass(10)
  looks.push(look('w-2', 2), look('w-1', 2), look('w-2', 15))
  await nextTurn()
  expect(ends).toHaveLength(1)
  ends[0]?.()
  await nextTurn()
  await nextTurn()
  expect(ends).toHaveLength(2)
  ends[1]?.()
  await Promise.all(looks)
  expect(ends).toHaveLength(2)
})

test('a look that fails is made again by the next who wants to know', async () => {
  const lab = startQuickLab('cp-1', 'w-1')
  let isAway = true
  const list: Engine['list'] = async (labels) => {
    if (isAway) throw new Error('away')
    return lab.engine.list(labels)
  }
  const observer = memberObserver({ ...lab.engine, list }, lab.clock)
  const look = () => observer.observe({ name: 'w-1', cluster: 'lab', role: 'worker' }, [], 60)
  await expect(look()).rejects.toThrow('away')
  isAway = false
  expect(await look()).toHaveLength(0)
})
