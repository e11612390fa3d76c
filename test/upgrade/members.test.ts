import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { Engine } from '../../src/machine/engine.ts'
import { memberObserver } from '../../src/upgrade/members.ts'
import { caPin } from '../fake-docker/ca.ts'
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

test.each([
  ['runs', {}],
  ['is stopped', { running: false }],
  ['is paused', { paused: true }],
])('B11: a container of an older cluster of the same name that %s is none of its machines', async (_, state) => {
  const lab = startQuickLab('cp-1', 'cp-2', 'w-1')
  Object.assign(lab.fake.container('cp-2'), state)
  const observer = memberObserver(lab.engine, lab.clock)
  const look = async (ca: string) => {
    const members = await observer.observe({ name: 'w-1', cluster: 'lab', role: 'worker' }, [ca], 0)
    return members.map(({ name }) => name)
  }
  expect(await look('sha256:another')).toEqual([])
  expect(await look(caPin)).toEqual(['cp-1', 'cp-2'])
})

test('a stopped machine whose cluster is unknown counts: the cluster may need it', async () => {
  const lab = startQuickLab('cp-1', 'w-1')
  lab.fake.container('cp-1').running = false
  lab.machine('cp-1').ca = ''
  const observer = memberObserver(lab.engine, lab.clock)
  const members = await observer.observe({ name: 'w-1', cluster: 'lab', role: 'worker' }, [caPin], 0)
  expect(members.map(({ trouble }) => trouble)).toEqual(['The container cp-1 is not running. (CONTAINER_STOPPED)'])
})
