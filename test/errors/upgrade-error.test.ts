import { describe, expect, test } from 'vitest'
import { coded, rememberedError, UpgradeError } from '../../src/errors/upgrade-error.ts'

test('values are filled into message and advice, the code ends the message, and values stay available', () => {
  const error = new UpgradeError('KUBEADM_FAILED', { cause: 'no quorum', unit: 'u' })
  expect(error.message).toMatch(/\S: no quorum \(KUBEADM_FAILED\)$/)
  expect(error.todo).toContain('journalctl -u u')
  expect(error.values).toEqual({ cause: 'no quorum', unit: 'u' })
})

test('a value that holds braces is not filled again', () => {
  const error = new UpgradeError('KUBEADM_FAILED', { cause: '{unit}', unit: 'u' })
  expect(error.message).toContain(': {unit} (')
})

test('the compiler requires the values of a code', () => {
  const either = 'CONTAINER_MISSING' as 'CONTAINER_MISSING' | 'UNIT_FAILED'
  // Only compiled, never called.
  const misuses = [
    // @ts-expect-error: the name is missing.
    () => new UpgradeError('CONTAINER_MISSING'),
    // @ts-expect-error: the name is missing.
    () => new UpgradeError('CONTAINER_MISSING', {}),
    // @ts-expect-error: the value has another name.
    () => new UpgradeError('CONTAINER_MISSING', { container: 'w-1' }),
    // @ts-expect-error: this code has no values.
    () => new UpgradeError('PROVIDER_ID_MISSING', { name: 'w-1' }),
    // @ts-expect-error: there is no such code.
    () => new UpgradeError('CONTAINER_LOST'),
    // @ts-expect-error: one of the two possible codes needs the unit.
    () => new UpgradeError(either, { name: 'w-1' }),
  ]
  expect(misuses).toHaveLength(6)
  const { message } = new UpgradeError(either, { name: 'w-1', unit: 'u' })
  expect(message).toMatch(/ w-1 .*\(CONTAINER_MISSING\)$/)
})

describe('a message is one line of at most 1,000 characters, whatever its values hold', () => {
  const failed = (cause: string) => new UpgradeError('KUBEADM_FAILED', { cause, unit: 'u' })

  test.each([
    ['newlines', 'one\ntwo\r\nthree\u2028four\u2029five\u0085six', 'one two three four five six'],
    ['control characters', 'a\u0000b\u001b[31mc\td\u007fe', 'a b [31mc d e'],
    ['marks that reverse the text', 'a\u202eb\u2066c', 'a b c'],
    ['half a surrogate pair', 'a\ud800b', 'a\ufffdb'],
  ])('%s', (_, cause, shown) => {
    expect(failed(cause).message).toBe(failed('*').message.replace('*', shown))
  })

  test('a text that is too long is cut, and keeps its code', () => {
    const { message } = failed('x'.repeat(2000))
    expect(message).toHaveLength(1000)
    expect(message).toMatch(/x… \(KUBEADM_FAILED\)$/)
  })

  test('a text of exactly 1,000 characters is not cut', () => {
    const room = 1000 - failed('').message.length - 1
    const { message } = failed('x'.repeat(room))
    expect(message).toHaveLength(1000)
    expect(message).toMatch(/x \(KUBEADM_FAILED\)$/)
  })

  test('a cut never halves a character', () => {
    for (const shift of ['', 'x']) expect(failed(shift + '😀'.repeat(1000)).message.isWellFormed()).toBe(true)
  })

  test('the advice too', () => {
    const { todo } = new UpgradeError('UNIT_FAILED', { unit: `a\nb${'x'.repeat(2000)}` })
    expect(todo).toHaveLength(1000)
    expect(todo).toMatch(/ a bx+…$/)
  })
})

test('what is thrown by others becomes UNEXPECTED with its cause, and does not show it', () => {
  for (const thrown of [new TypeError('inner'), 'inner', undefined, null, { code: 'inner' }]) {
    const error = coded(thrown)
    expect(error).toMatchObject({ code: 'UNEXPECTED', answer: 'failure', cause: thrown })
    expect(error.message).not.toContain('inner')
  }
  const mine = new UpgradeError('VERSION_MISSING')
  expect(coded(mine)).toBe(mine)
})

describe('an error from a record', () => {
  test('reads as the one that was recorded', () => {
    const error = new UpgradeError('SPACE_SHORT', { path: '/var', need: '900' })
    const { message, values, answer } = rememberedError(error.code, error.values)
    expect({ message, values, answer }).toEqual({ message: error.message, values: error.values, answer: error.answer })
  })

  test.each([
    ['none', undefined],
    ['a number', { path: '/var', need: 900 }],
    ['another name', { path: '/var', space: '900' }],
  ])('has "unknown" where a value is missing: %s', (_, values) => {
    const { message, code } = rememberedError('SPACE_SHORT', values)
    expect(code).toBe('SPACE_SHORT')
    expect(message).toContain('unknown MiB')
  })

  test.each([
    undefined,
    '',
    'GONE_IN_THIS_VERSION',
    '__proto__',
    'toString',
  ])('is UNEXPECTED for the code %j, which the catalogue does not have', (code) => {
    expect(rememberedError(code, { path: '/var' }).code).toBe('UNEXPECTED')
  })

  test('takes no value from a prototype', () => {
    const values = JSON.parse('{"__proto__": {"name": "w-1"}}')
    expect(rememberedError('CONTAINER_MISSING', values).values).toEqual({ name: 'unknown' })
  })
})

test('of what a machine prints an error keeps a part, and not the rest of the text behind it', () => {
  const printed = `${'x'.repeat(4_000_000)}the end`
  const error = new UpgradeError('MANIFEST_MISSING', { name: printed }, { detail: printed })
  expect(error.values.name).toBe('x'.repeat(1000))
  expect(error.detail).toHaveLength(10_000)
  expect(error.detail).toMatch(/the end$/)
})
