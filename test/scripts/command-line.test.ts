import { beforeEach, describe, expect, test, vi } from 'vitest'
import { ActionFailed, commandLine, exitCodeOf, numberBetween } from '../../scripts/host/command-line.ts'
import { Interrupted, UserError } from '../../scripts/host/user-error.ts'

let printed: { log: string; error: string }

beforeEach(() => {
  printed = { log: '', error: '' }
  for (const method of ['log', 'error'] as const) {
    vi.spyOn(console, method).mockImplementation((text: string) => {
      printed[method] += `${text}\n`
    })
  }
})

// Runs a command line with one verb whose action does this.
function call(action: () => unknown, ...args: string[]): Promise<number> {
  const program = commandLine('npm run lab --')
  program
    .command('up')
    .option('--fresh', 'with new machines')
    .action(async () => void (await action()))
  return exitCodeOf(program, args)
}

describe('the exit code', () => {
  test('is 0 after an action', async () => {
    expect(await call(() => undefined, 'up', '--fresh')).toBe(0)
  })

  test.each([
    ['1 after a failed action, which has printed why', new ActionFailed(), 1, ''],
    [
      '1 after an error that a user can resolve',
      new UserError('There are no machines.', 'npm run lab -- up'),
      1,
      'Next',
    ],
    ['what a failed action sets', new ActionFailed(130), 130, ''],
    ['130 after an interruption', new Interrupted('SIGINT'), 130, 'Stopped by SIGINT'],
  ])('is %s', async (_, error, code, text) => {
    const failing = () => {
      throw error
    }
    expect(await call(failing, 'up')).toBe(code)
    expect(printed.error).toContain(text)
  })

  test.each([
    ['no verb', []],
    ['a verb that does not exist', ['upwards']],
    ['an option that does not exist', ['up', '--nonsense']],
    ['an argument too many', ['up', 'now']],
  ])('is 2 for %s, with the usage on standard error', async (_, args) => {
    const action = vi.fn()
    expect(await call(action, ...args)).toBe(2)
    expect(printed.error).toContain('Usage: npm run lab -- ')
    expect(printed.log).toBe('')
    expect(action).not.toHaveBeenCalled()
  })

  test.each([[['--help']], [['up', '--help']]])('is 0 for %s, with the help on standard output', async (args) => {
    const action = vi.fn()
    expect(await call(action, ...args)).toBe(0)
    expect(printed.log).toContain('Usage: npm run lab -- ')
    expect(action).not.toHaveBeenCalled()
  })

  test('is none for an error of the program: it is thrown', async () => {
    const failing = () => {
      throw new TypeError('x is not a function')
    }
    await expect(call(failing, 'up')).rejects.toThrow(TypeError)
  })
})

describe('a number', () => {
  test.each(['1', '9', '10'])('%s is between 1 and 10', (text) => {
    expect(numberBetween(1, 10)(text)).toBe(Number(text))
  })

  test.each(['0', '11', '-1', '1.5', '1e0', '0x1', ' 1', '', 'x', 'NaN'])('"%s" is not', (text) => {
    expect(() => numberBetween(1, 10)(text)).toThrow('It must be a number from 1 to 10.')
  })
})
