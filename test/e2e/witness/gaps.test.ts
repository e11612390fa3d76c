import { describe, expect, test } from 'vitest'
import { countGaps, gapsOf } from '../../../e2e/witness/gaps.ts'

// One probe a second that takes 0.5 s: "+" is answered, "-" is not.
function counted(answers: string, now = answers.length) {
  const counter = countGaps('API')
  for (const [begin, answer] of [...answers].entries()) {
    counter.add({ begin, end: begin + 0.5, answered: answer === '+' })
  }
  return counter.result(now)
}

describe('gaps', () => {
  test.each([
    ['', { probes: 0, gaps: 0, seconds: 0, longest: 0, gone: 0, away: [] }],
    ['+++', { probes: 3, gaps: 0, seconds: 0, longest: 0, gone: 0, away: [] }],
    ['+-+', { probes: 3, gaps: 1, seconds: 1.5, longest: 1.5, gone: 0, away: [[1, 2.5]] }],
    ['-+', { probes: 2, gaps: 1, seconds: 1.5, longest: 1.5, gone: 0, away: [[0, 1.5]] }],
    ['+---+', { probes: 5, gaps: 1, seconds: 3.5, longest: 3.5, gone: 0, away: [[1, 4.5]] }],
  ] as const)('in %j', (answers, expected) => {
    expect(counted(answers)).toEqual({ what: 'API', ...expected })
  })

  test('of several the longest is the longest, not the last', () => {
    const { gaps, seconds, longest, away } = counted('+--+-+')
    expect({ gaps, seconds, longest, away }).toEqual({
      gaps: 2,
      seconds: 4,
      longest: 2.5,
      away: [
        [1, 3.5],
        [4, 5.5],
      ],
    })
  })

  test('what does not answer any more at the end is gone, and no gap', () => {
    const { gaps, seconds, gone, away } = counted('+-+--', 7)
    expect({ gaps, seconds, gone }).toEqual({ gaps: 1, seconds: 1.5, gone: 4 })
    expect(away).toEqual([
      [1, 2.5],
      [3, 7],
    ])
  })
})

test('a probe is repeated until the signal is aborted', async () => {
  const stop = new AbortController()
  let now = 0
  const answers = [true, false, true]
  const result = await gapsOf(
    {
      what: 'API',
      everySeconds: 0,
      probe: async () => {
        now++
        const answered = answers.shift() ?? false
        if (answers.length === 0) stop.abort()
        return answered
      },
    },
    stop.signal,
    () => now,
  )
  expect(result).toEqual({ what: 'API', probes: 3, gaps: 1, seconds: 2, longest: 2, gone: 0, away: [[1, 3]] })
})
