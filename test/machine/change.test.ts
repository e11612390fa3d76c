import { expect, test } from 'vitest'
import { type Change, change } from '../../src/machine/change.ts'
import { type MachineHost, type RunOptions, type ShellFile, stateDirectory } from '../../src/machine/machine.ts'

// A machine on which change.sh prints this, and how it was run.
function machineThat(printed: string) {
  const ran: { script: ShellFile; args: readonly string[]; options: RunOptions | undefined }[] = []
  const machine: MachineHost = {
    name: 'm-1',
    cluster: 'lab',
    role: 'worker',
    run: async (script, args, options) => {
      ran.push({ script, args, options })
      return printed
    },
  }
  return { machine, ran }
}

const script = { name: 'of-a-test', text: 'echo "$1"' }

test.each<[Change, string, string[]]>([
  [{ kind: 'note' }, '', ['0', 'note']],
  [{ kind: 'note', kubelet: 'i' }, '', ['0', 'note', 'i']],
  [
    {
      kind: 'begin',
      key: 'x',
      endable: ['a'],
      kubelet: 'i',
      entries: new Set(['c', 'b']),
      kept: ['b', 'c'],
      renewed: ['d'],
    },
    '',
    ['0', 'begin', 'x', 'i', 'b c ', 'b c', 'd', 'a'],
  ],
  [
    { kind: 'begin', key: 'v1.35.4 with files x', endable: ['a', 'b'] },
    '',
    ['0', 'begin', 'v1.35.4 with files x', '', '*', '', '', 'a', 'b'],
  ],
  [{ kind: 'run', script, args: ['x', ''] }, '', ['0', 'run', '', script.text, 'x', '']],
  [{ kind: 'rest', script, args: [] }, '', ['0', 'rest', script.text]],
  [{ kind: 'run', script, args: [], input: 'é\n' }, 'é\n', ['3', 'run', '', script.text]],
  [
    { kind: 'start', unit: 'u', limitSeconds: 60, script, args: ['x'], input: 'in' },
    'in',
    ['2', 'start', 'u', '60', '', '', script.text, 'x'],
  ],
  [{ kind: 'run', script, args: ['x'], alongside: ['a', 'b'] }, '', ['0', 'run', 'a b', script.text, 'x']],
  [
    { kind: 'start', unit: 'u', limitSeconds: 60, script, args: ['x'], service: 'kubelet', alongside: ['a'] },
    '',
    ['0', 'start', 'u', '60', 'kubelet', 'a', script.text, 'x'],
  ],
  [{ kind: 'clear', unit: 'u', invocationId: 'i' }, '', ['0', 'clear', 'u', 'i']],
])('%j', async (wanted, input, args) => {
  const { machine, ran } = machineThat('made\n')
  expect(await change(machine, { seen: 'digest', record: '{"a":1}' }, wanted)).toEqual({ kind: 'made', output: '' })
  expect(ran).toEqual([
    {
      script: expect.objectContaining({ name: 'change.sh' }),
      args: [stateDirectory, 'digest', '{"a":1}', ...args],
      options: { input, timeoutSeconds: 120 },
    },
  ])
})

test('a record that stays is an empty argument', async () => {
  const { machine, ran } = machineThat('made\n')
  await change(machine, { seen: '', record: undefined }, { kind: 'note' })
  expect(ran[0]?.args.slice(1, 3)).toEqual(['', ''])
})

test.each([
  ['made\n', { kind: 'made', output: '' }],
  ['made\na\n\nb\n', { kind: 'made', output: 'a\n\nb\n' }],
  ['made', { kind: 'made', output: '' }],
  ['differs\n', { kind: 'differs' }],
  ['busy\n', { kind: 'busy' }],
])('change.sh prints %j', async (printed, result) => {
  expect(await change(machineThat(printed).machine, { seen: '', record: '' }, { kind: 'note' })).toEqual(result)
})

// It was cut off, or is no change.sh.
test.each(['', 'mad', 'made it\n', 'busybox\n', ' made\n'])('EXEC_FAILED: change.sh prints %j', async (printed) => {
  const { machine } = machineThat(printed)
  await expect(change(machine, { seen: '', record: '' }, { kind: 'note' })).rejects.toMatchObject({
    code: 'EXEC_FAILED',
    values: { command: 'change.sh' },
    detail: printed,
  })
})
