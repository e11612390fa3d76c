import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { errorsPage } from '../../scripts/docs/errors.ts'
import { variables } from '../../src/config/environment.ts'
import { settings } from '../../src/contract/settings.ts'
import { catalogue, type ErrorCode } from '../../src/errors/catalogue.ts'
import { changes } from '../../src/errors/changes.ts'
import { machines } from '../../src/errors/machines.ts'
import { requests } from '../../src/errors/requests.ts'
import { steps } from '../../src/errors/steps.ts'
import { template } from '../../src/errors/upgrade-error.ts'

const root = join(import.meta.dirname, '../..')
const codes = Object.keys(catalogue) as ErrorCode[]

test('every code is upper snake case', () => {
  for (const code of codes) expect(code).toMatch(/^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/)
})

test('no code is in two files', () => {
  const listed = [requests, changes, machines, steps, { UNEXPECTED: true }].flatMap((part) => Object.keys(part))
  expect(listed).toEqual(codes)
})

test('every error has a sentence for what is wrong and one for what to do, each on one line', () => {
  for (const code of codes) {
    const { message, todo } = template(code)
    // KUBEADM_FAILED ends with the words of kubeadm.
    expect(message).toMatch(/^\S.*(\.|: \{cause\})$/)
    expect(todo).toMatch(/^\S.*\.$/)
  }
})

test('docs/reference/errors.md is what the generator makes of the catalogue, with every code in it', () => {
  const page = readFileSync(join(root, 'docs/reference/errors.md'), 'utf8')
  expect(page).toBe(errorsPage())
  for (const code of codes) expect(page).toContain(`| \`${code}\` | ${template(code).answer} | `)
  expect(page).toContain('| There is too little free space in {path}: {need} MiB are needed. |')
})

test('every page of docs/ that an error, a variable or a setting refers to exists', () => {
  const texts = [
    ...codes.map((code) => template(code)).flatMap(({ message, todo }) => [message, todo]),
    ...[...Object.values(variables), ...Object.values(settings)].map(({ description }) => description),
  ]
  const pages = new Set(texts.flatMap((text) => [...text.matchAll(/docs\/[\w/-]+\.md/g)].map(([path]) => path)))
  expect(pages).toContain('docs/reference/configuration.md')
  for (const path of pages) expect({ path, exists: existsSync(join(root, path)) }).toEqual({ path, exists: true })
})
