import { describe, expect, test } from 'vitest'
import type { ErrorCode } from '../../src/errors/catalogue.ts'
import { UpgradeError } from '../../src/errors/upgrade-error.ts'
import type { Observation } from '../../src/machine/observation.ts'
import {
  type AttemptRecord,
  begun,
  entered,
  failed,
  finished,
  lineOf,
  pauseAfter,
  recordIn,
  rememberedFailure,
  retried,
  secondsSince,
  withdrawn,
} from '../../src/upgrade/attempt.ts'
import { stanceOf } from '../../src/upgrade/stance.ts'

// What the machine's own clocks show so many seconds after the attempts of this file begin.
function at(seconds: number, bootId = 'boot-1'): Observation {
  return { bootId, uptime: 1000 + seconds, now: 1_700_000_000 + seconds } as Observation
}

function beginning(key: string) {
  const identity = { cluster: 'lab', role: 'worker', cas: [], pinned: false }
  return { identity, request: { key, target: key, settings: {} } }
}

const stalled = new UpgradeError('DOWNLOAD_STALLED', { what: 'kubelet' })
const missing = new UpgradeError('DOWNLOAD_NOT_FOUND', { what: 'kubelet' })
const open = begun(beginning('a'), undefined, at(0))

describe('the record', () => {
  test('is read as it was written', () => {
    const record = failed(retried(entered(open, 'binaries', at(1)), stalled, at(2)), missing, at(3))
    expect(recordIn({ record: lineOf(record) })).toEqual(record)
    expect(lineOf(record)).not.toContain('\n')
  })

  test.each([
    ['cut off', lineOf(open).slice(0, 50)],
    ['empty', ''],
    ['not JSON', '\0\0\0'],
    ['of another shape', '{"format":1}'],
    ['far too long', lineOf({ ...open, superseded: ['x'.repeat(100_000)] })],
    ['the history of an earlier version', '{"at":1,"target":"v1.35.4","step":"binaries","event":"start"}'],
  ])('that is %s counts as none', (_what, record) => {
    expect(recordIn({ record })).toBeUndefined()
  })

  test('of a later format is not overwritten', () => {
    expect(() => recordIn({ record: lineOf(open).replace('"format":1', '"format":2') })).toThrow('RECORD_NEWER')
  })

  test('counts equal events in a row as one', () => {
    let record = entered(open, 'binaries', at(1))
    for (let second = 2; second < 5; second += 1) record = retried(record, stalled, at(second))
    expect(record.events.slice(1)).toEqual([
      { at: at(1).now, step: 'binaries', event: 'started', count: 1 },
      { at: at(4).now, step: 'binaries', event: 'retried: DOWNLOAD_STALLED', count: 3 },
    ])
    expect(record.retries).toEqual({ DOWNLOAD_STALLED: 3 })
  })

  test('stays small, however much happens', () => {
    let record = open
    const cause = 'x'.repeat(600)
    for (let i = 0; i < 10_000; i += 1) {
      record = retried(entered(record, i % 2 === 0 ? 'binaries' : 'images', at(i)), stalled, at(i))
      if (i % 10 === 0) record = failed(record, new UpgradeError('KUBEADM_FAILED', { cause, unit: 'u' }), at(i))
      if (i % 10 === 0) record = begun(beginning(`request-${i}`), { ...record, state: 'open' }, at(i))
    }
    expect(lineOf(record).length).toBeLessThan(10_000)
    expect(record.events.at(-1)?.at).toBe(at(9999).now)
    expect(recordIn({ record: lineOf(record) })).toEqual(record)
  })

  test('counts failures of one kind, over attempts, until there is another or a success', () => {
    const fail = (record: AttemptRecord, error: UpgradeError, second: number) => failed(record, error, at(second))
    const again = (record: AttemptRecord, second: number) =>
      entered(begun(beginning('a'), record, at(second)), 'binaries', at(second))
    const first = fail(again(open, 0), missing, 1)
    const third = fail(again(fail(again(first, 2), missing, 3), 4), missing, 5)
    expect([first.failure?.count, third.failure?.count]).toEqual([1, 3])
    expect(fail(again(third, 6), stalled, 7).failure?.count).toBe(1)
    expect(begun(beginning('b'), third, at(6)).failure).toBeNull()
    expect(finished(again(third, 6), at(8)).failure).toBeNull()
  })

  test('names the requests that were replaced, each once', () => {
    const second = begun(beginning('b'), open, at(1))
    expect(second.superseded).toEqual(['a'])
    expect(begun(beginning('a'), second, at(2)).superseded).toEqual(['b'])
    expect(begun(beginning('b'), failed(open, missing, at(1)), at(2)).superseded).toEqual(['a'])
    expect(begun(beginning('b'), finished(open, at(1)), at(2)).superseded).toEqual(['a'])
    expect(begun(beginning('b'), withdrawn(open, at(1)), at(2)).superseded).toEqual([])
  })
})

test.each([
  [1, 10],
  [2, 20],
  [3, 3600],
  [4, 3600],
  [1000, 3600],
])('after %i equal failures the machine rests for %i s', (count, seconds) => {
  expect(pauseAfter({ code: 'KUBEADM_FAILED', count })).toBe(seconds)
})

test.each<[code: ErrorCode, seconds: number]>([
  ['EXCHANGE_UNDONE', 3600],
  ['EXCHANGE_UNDONE_UNWELL', 10],
  ['EXCHANGE_NOT_ENDED', 10],
  ['ETCD_MEMBER_UNWELL', 10],
  ['DISK_FULL', 10],
])('after the first %s the machine rests for %i s', (code, seconds) => {
  expect(pauseAfter({ code, count: 1 })).toBe(seconds)
})

test.each([
  ['a while ago', { bootId: 'boot-1', uptime: 990 }, 10],
  ['before the host booted', { bootId: 'boot-0', uptime: 990 }, Number.POSITIVE_INFINITY],
  ['in the future', { bootId: 'boot-1', uptime: 1001 }, Number.POSITIVE_INFINITY],
])('a moment %s was so many seconds ago', (_when, moment, seconds) => {
  expect(secondsSince(moment, at(0))).toBe(seconds)
})

test('a failure is remembered with its values, and one that is not known is unexpected', () => {
  const failure = { code: missing.code, values: missing.values, step: 'binaries', at: at(0), count: 1 }
  expect(rememberedFailure(failure).message).toBe(missing.message)
  expect(rememberedFailure({ ...failure, code: 'MADE_UP' }).code).toBe('UNEXPECTED')
})

describe('the stance', () => {
  const changed = { ...open, changed: true }
  const resting = failed(open, missing, at(100))
  const replaced = begun(beginning('b'), open, at(0))

  test.each<[string, string, AttemptRecord | undefined, number, string]>([
    ['of any request where nothing was attempted', 'a', undefined, 0, 'begin'],
    ["of an open attempt's own request", 'a', open, 5000, 'own'],
    ['of a newer request while nothing was changed', 'b', open, 0, 'replace'],
    ['of a newer request while something was changed', 'b', changed, 0, 'finish'],
    ['of a replaced request while the newer one is made', 'a', replaced, 149, 'superseded'],
    ['of a replaced request when the newer one is not made any more', 'a', replaced, 150, 'replace'],
    ['of a replaced request whose successor has changed something', 'a', { ...replaced, changed: true }, 150, 'finish'],
    ['of a third request', 'c', replaced, 0, 'replace'],
    ['of a request that failed a moment ago', 'a', resting, 109, 'paused'],
    ['of a request that has rested', 'a', resting, 110, 'begin'],
    ['of another request than the one that failed', 'b', resting, 101, 'begin'],
    ['of a replaced request when the newer one has failed', 'a', failed(replaced, missing, at(1)), 149, 'superseded'],
    ['of a replaced request when that was a while ago', 'a', failed(replaced, missing, at(1)), 150, 'begin'],
    ['after an end', 'a', finished(open, at(0)), 1, 'begin'],
    ['after a withdrawal', 'a', withdrawn(open, at(0)), 1, 'begin'],
  ])('%s', (_what, key, record, second, kind) => {
    expect(stanceOf(key, record, at(second)).kind).toBe(kind)
  })

  test('of a request that failed is how long it rests', () => {
    expect(stanceOf('a', resting, at(104))).toMatchObject({ kind: 'paused', seconds: 6 })
  })

  test.each([
    ['the host has booted', at(101, 'boot-2')],
    ['the failure is in the future', at(99)],
  ])('of a request that failed is to begin when %s', (_when, now) => {
    expect(stanceOf('a', resting, now).kind).toBe('begin')
  })
})
