import { expect, test } from 'vitest'
import {
  type Event,
  historyFile,
  isOpen,
  lastFailure,
  otherUnderWay,
  readHistory,
  record,
} from '../../src/upgrade/history.ts'
import { startQuickLab } from '../fake-docker/lab.ts'
import { target } from '../fake-docker/release.ts'
import { contextOf } from './walk.ts'

// Events as "<step> <event>", a second apart.
function events(...texts: string[]): Event[] {
  return texts.map((text, at) => {
    const [step = '', event] = text.split(' ')
    return { at: at * 1000, target, step, event: event as Event['event'] }
  })
}

test('events are remembered in the machine, in order', async () => {
  const { machine } = contextOf(startQuickLab('w-1'), 'w-1')
  expect(await readHistory(machine, target)).toEqual([])
  const all = events('binaries start', 'binaries done', 'images start')
  for (const event of all) await record(machine, event)
  expect(await readHistory(machine, target)).toEqual(all)
})

test("another target's events are not this one's", async () => {
  const { machine } = contextOf(startQuickLab('w-1'), 'w-1')
  const [mine, other] = events('binaries start', 'binaries failed')
  await record(machine, { ...(mine as Event), target: 'v1.34.9' })
  await record(machine, other as Event)
  expect(await readHistory(machine, target)).toEqual([other])
})

test.each([
  ['cut off', '{"at":1,"target":"v1.3'],
  ['empty', ''],
  ['no event', 'null'],
  ['not an object', '17'],
  ['not JSON', '\0\0\0'],
])('a line that is %s is no event', async (_what, line) => {
  const lab = startQuickLab('w-1')
  const [event] = events('binaries start')
  lab.machine('w-1').files.set(historyFile, `${line}\n${JSON.stringify(event)}\n${line}`)
  expect(await readHistory(contextOf(lab, 'w-1').machine, target)).toEqual([event])
})

test.each([
  ['never started', [], false],
  ['started', ['a start'], true],
  ['tried again', ['a start', 'a retry', 'a retry'], true],
  ['done', ['a start', 'a done'], false],
  ['started when another step was done', ['a start', 'b start', 'b done'], true],
  ['failed', ['a start', 'a failed'], false],
  ['started again after a failure', ['a start', 'a failed', 'a start'], true],
  ['started before a failure of another step', ['a start', 'b failed'], false],
])('a step that was %s: %j', (_what, texts, open) => {
  expect(isOpen(events(...texts), 'a')).toBe(open)
})

test.each([
  [[], undefined],
  [['a start', 'a retry'], undefined],
  [['a start', 'a failed'], 1],
  [['a start', 'a failed', 'a start', 'a failed'], 2],
  [['a failed', 'a failed', 'a start'], undefined],
  [['a failed', 'a done', 'b start', 'b failed'], 1],
])('%j ends with so many failures in a row: %j', (texts, inARow) => {
  expect(lastFailure(events(...texts))?.inARow).toBe(inARow)
})

// Events of targets, so many seconds after the first.
const began = (...rows: [second: number, target: string, event: Event['event']][]) =>
  rows.map(([second, target, event]): Event => ({ at: second * 1000, target, step: 'binaries', event }))

test.each<[string, Event[], number, string | undefined]>([
  ['nothing was begun', [], 0, undefined],
  ['this attempt is under way', began([0, 'a', 'start'], [1, 'a', 'done']), 2, undefined],
  ['another is under way', began([0, 'b', 'start'], [1, 'b', 'done']), 2, 'b'],
  ['another is tried again', began([0, 'b', 'start'], [1, 'b', 'retry']), 2, 'b'],
  ['another has failed', began([0, 'b', 'start'], [1, 'b', 'failed']), 2, undefined],
  ['another has ended', began([0, 'b', 'start'], [1, 'b', 'ended']), 2, undefined],
  ['another began later', began([0, 'a', 'start'], [1, 'b', 'start']), 2, undefined],
  ['another began earlier', began([0, 'b', 'start'], [1, 'a', 'start']), 2, 'b'],
  ['another failed that began later', began([0, 'a', 'start'], [1, 'b', 'failed']), 2, undefined],
  ['a third goes on', began([0, 'b', 'failed'], [1, 'c', 'start'], [2, 'a', 'start']), 3, 'c'],
  ['another was quiet for ten minutes', began([0, 'b', 'start']), 601, undefined],
  ['another was not quiet for so long', began([0, 'b', 'start'], [500, 'b', 'done']), 601, 'b'],
  ['this one began when another had been quiet', began([0, 'b', 'start'], [601, 'a', 'start']), 602, undefined],
  ['another began when this one had been quiet', began([0, 'a', 'start'], [601, 'b', 'start']), 602, 'b'],
  ['a clock that was a day ahead noted another', began([86_400, 'b', 'start']), 0, undefined],
])('when %s, the other attempt is known', (_when, events, second, other) => {
  expect(otherUnderWay(events, 'a', second * 1000)).toBe(other)
})
