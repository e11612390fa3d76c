import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { errorsPage } from '../scripts/docs/errors.ts'
import { coded, type ErrorCode, errors, UpgradeError } from '../src/errors.ts'

const root = join(import.meta.dirname, '..')
const codes = Object.keys(errors) as ErrorCode[]
const table = readFileSync(join(root, 'src/errors.ts'), 'utf8')
const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && path !== 'errors.ts')
  .map((path) => ({ path, text: readFileSync(join(root, 'src', path), 'utf8') }))

function placeholders(code: ErrorCode): string[] {
  const { message, todo } = errors[code]
  return [...new Set([...`${message} ${todo}`.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name))]
}

test('every code is upper snake case and stands in the table once', () => {
  const listed = [...table.matchAll(/^ {2}(\w+): (?:decline|progress|failure)`/gm)].map(([, code]) => code)
  expect(listed).toEqual(codes)
  expect(new Set(listed).size).toBe(listed.length)
  for (const code of codes) expect(code).toMatch(/^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/)
})

test('every code has a message and a thing to do, each on one line', () => {
  for (const code of codes) {
    // A third line would be lost.
    const entry = new RegExp(`^  ${code}: \\w+\`([^\`]*)\``, 'm').exec(table)?.[1]
    expect({ code, lines: entry?.trim().split('\n').length }).toEqual({ code, lines: 2 })
    // KUBEADM_FAILED ends with what kubeadm says.
    expect(errors[code].message).toMatch(/(\.|: \{cause\})$/)
    expect(errors[code].todo).toMatch(/\S\.$/)
  }
})

test('every code is raised somewhere in src/', () => {
  expect(codes.filter((code) => !sources.some(({ text }) => text.includes(`'${code}'`)))).toEqual([])
})

// The values that stand after a code where it is raised: the text of an object, or what a name in the file stands for.
function valuesIn(text: string, after: number): string | undefined {
  const rest = text.slice(after)
  const name = /^\s*,\s*(\w+)/.exec(rest)?.[1]
  if (name) return new RegExp(`const ${name} = (\\{[^}]*\\})`).exec(text)?.[1]
  return /^\s*,\s*(\{[^}]*\})/.exec(rest)?.[1]
}

describe('the placeholders of an error are filled where it is raised', () => {
  test('by its name', () => {
    const raised = sources.flatMap(({ path, text }) =>
      [...text.matchAll(/new UpgradeError\(\s*'(\w+)'/g)].map(({ 0: found, 1: code, index }) => {
        const values = valuesIn(text, index + found.length) ?? ''
        const given = [...values.matchAll(/(\w+)\s*(?=[:,}])/g)].map(([, name = '']) => name)
        return { path, code: code as ErrorCode, given }
      }),
    )
    // Some are chosen by a variable; those are looked at below.
    expect(new Set(raised.map(({ code }) => code)).size).toBeGreaterThan(codes.length * 0.8)
    for (const { path, code, given } of raised)
      expect({ path, code, given }).toEqual({ path, code, given: expect.arrayContaining(placeholders(code)) })
  })

  test('by a name that is chosen by an exit code', () => {
    const chosen = sources.flatMap(({ path, text }) => {
      const values = /new UpgradeError\(code, (\{[^}]*\})/.exec(text)?.[1]
      const named = codes.filter((code) => text.includes(`'${code}'`) && !text.includes(`UpgradeError('${code}'`))
      return values ? named.map((code) => ({ path, code, values })) : []
    })
    expect(chosen.length).toBeGreaterThan(0)
    for (const { path, code, values } of chosen)
      for (const name of placeholders(code))
        expect({ path, code, values }).toEqual({
          path,
          code,
          values: expect.stringMatching(new RegExp(`\\b${name}\\b`)),
        })
  })
})

test('a placeholder is filled in message and todo, the code ends the message, and values stay at hand', () => {
  const error = new UpgradeError('KUBEADM_FAILED', { cause: 'no quorum', unit: 'u' })
  expect(error.message).toBe('kubeadm upgrade node failed: no quorum (KUBEADM_FAILED)')
  expect(error.todo).toContain('journalctl -u u')
  expect(error.values).toEqual({ cause: 'no quorum', unit: 'u' })
})

test('a value that holds braces is not filled again', () => {
  const error = new UpgradeError('KUBEADM_FAILED', { cause: '{unit}', unit: 'u' })
  expect(error.message).toContain(': {unit} (')
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

test('docs/errors.md is what the generator makes of the table, with every code in it', () => {
  const page = readFileSync(join(root, 'docs/errors.md'), 'utf8')
  expect(page).toBe(errorsPage())
  for (const code of codes) expect(page).toContain(`| \`${code}\` | ${errors[code].answer} |`)
})

test('every page of docs/ that an error or a setting sends people to is there', () => {
  const named = sources.flatMap(({ text }) => [...text.matchAll(/docs\/[\w/-]+\.md/g)].map(([path]) => path))
  const inTable = [...table.matchAll(/docs\/[\w/-]+\.md/g)].map(([path]) => path)
  for (const path of new Set([...named, ...inTable]))
    expect({ path, exists: existsSync(join(root, path)) }).toEqual({ path, exists: true })
})
