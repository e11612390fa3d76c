import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { interruptible, throwIfInterrupted } from '../../scripts/host/interruption.ts'
import { logTo } from '../../scripts/host/progress.ts'
import { retry } from '../../scripts/host/retry.ts'
import { attempt, run } from '../../scripts/host/subprocess.ts'
import { Interrupted, UserError } from '../../scripts/host/user-error.ts'

let folder: string

beforeEach(async () => {
  logTo(() => {})
  folder = await mkdtemp(join(tmpdir(), 'capd-kubeadm-upgrader-test-'))
  onTestFinished(() => rm(folder, { recursive: true }))
})

// A worker thread gets no signals, but its listeners can be called as for one.
function interrupt(): void {
  process.emit('SIGINT', 'SIGINT')
}

// Starts a background process of its own, writes its id to the file `pid`, and waits for it.
const withChild = 'sleep 3600 & echo $! >pid.new; mv pid.new pid; wait'

async function childPid(): Promise<number> {
  const read = () => readFile(join(folder, 'pid'), 'utf8').catch(() => undefined)
  return Number(await retry(read, { limitSeconds: 60, everySeconds: 0.02 }))
}

// A process that has ended and waits to be collected has no command line any more.
async function hasEnded(pid: number): Promise<boolean> {
  const commandLine = () => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  const ended = async () => (await commandLine()) === ''
  return (await retry(ended, { limitSeconds: 60, everySeconds: 0.02 })) === true
}

describe('a command', () => {
  test('is split at the spaces of the template, and nowhere else', async () => {
    const [words, list] = ['one  two', ['a b', '', 'c']]
    const printed = await run`printf [%s] ${words} x${words} ${list} ${[]} end`
    expect(printed).toBe('[one  two][xone  two][a b][][c][end]')
  })

  test('takes its options before the template, and adds them up', async () => {
    const inFolder = run({ cwd: folder })
    expect(await inFolder({ input: 'text' })({ env: { NAME: 'value' } })`sh -c ${'pwd; cat; echo " $NAME"'}`).toBe(
      `${folder}\ntext value`,
    )
  })

  test('reads its input from a file and writes its output to a file', async () => {
    const [inputFile, outputFile] = [join(folder, 'in'), join(folder, 'out')]
    await writeFile(inputFile, 'bytes')
    expect(await run({ inputFile, outputFile })`cat`).toBe('')
    expect(await readFile(outputFile, 'utf8')).toBe('bytes')
  })
})

describe('a command that fails', () => {
  test('is shown as a user types it, with its last output and the next step', async () => {
    const options = { cwd: folder, env: { A: "it's" }, inputFile: '/dev/null', next: 'do this' }
    const failed = run(options)`sh -c ${'seq 20; echo wrong >&2; exit 3'}`
    await expect(failed).rejects.toThrow(UserError)
    const error = await failed.then(
      () => new Error('it did not fail'),
      (thrown: Error) => thrown,
    )
    const lines = error.message.split('\n')
    expect(lines[0]).toBe(
      `Exit code 3: cd ${folder} && A='it'\\''s' sh -c 'seq 20; echo wrong >&2; exit 3' < /dev/null`,
    )
    expect(lines.slice(1)).toEqual([...Array.from({ length: 11 }, (_, i) => `${i + 10}`), 'wrong', 'Next: do this'])
  })

  test('is not found', async () => {
    await expect(run`/nowhere/program --help`).rejects.toThrow('Not found: /nowhere/program --help')
    expect(await attempt`/nowhere/program`).toBeUndefined()
  })

  test('is ended by a signal of another process, which is no time limit', async () => {
    await expect(run`sh -c ${'kill -9 $$'}`).rejects.toThrow('Ended by SIGKILL: sh')
  })

  test('is ended at its time limit, with all that it has started', async () => {
    const timedOut = run({ cwd: folder, timeoutSeconds: 1 })`sh -c ${withChild}`
    const pid = await childPid()
    await expect(timedOut).rejects.toThrow('Timed out after 1 s: ')
    expect(await hasEnded(pid)).toBe(true)
  })

  test('is undefined for an attempt', async () => {
    expect(await attempt`false`).toBeUndefined()
    expect(await attempt`true`).toBe('')
  })
})

describe('an interruption', () => {
  test('ends the program with all that it has started, and the work rejects', async () => {
    const work = interruptible(() => run({ cwd: folder })`sh -c ${withChild}`)
    const pid = await childPid()
    interrupt()
    await expect(work).rejects.toThrow(Interrupted)
    expect(await hasEnded(pid)).toBe(true)
  })

  test('reaches all work that runs at the same time', async () => {
    const first = interruptible(() => run`sleep 3600`)
    const second = interruptible(() => run`sleep 3600`)
    interrupt()
    for (const work of [first, second]) await expect(work).rejects.toThrow(Interrupted)
  })

  test('reaches nested work', async () => {
    const nested = interruptible(() => interruptible(() => run`sleep 3600`))
    interrupt()
    await expect(nested).rejects.toThrow(Interrupted)
  })

  test('lets no program start afterwards, but those that clean up', async () => {
    const file = join(folder, 'started')
    const work = interruptible(async () => {
      interrupt()
      await run({ ignoresInterruption: true })`touch ${join(folder, 'cleaned')}`
      await run`touch ${file}`
    })
    await expect(work).rejects.toThrow(Interrupted)
    expect({ cleaned: existsSync(join(folder, 'cleaned')), started: existsSync(file) }).toEqual({
      cleaned: true,
      started: false,
    })
  })

  test('does not outlast its work: programs outside of it run', async () => {
    await interruptible(async () => interrupt())
    throwIfInterrupted()
    expect(await run`echo ran`).toBe('ran')
  })
})
