import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

const folder = new URL('../../e2e/scenarios/', import.meta.url)
const files = readdirSync(folder)
const commandLine = readFileSync(new URL('../run.ts', folder), 'utf8')

describe.each(files)('e2e/scenarios/%s', (file) => {
  test('has one scenario and nothing else', async () => {
    const exported = Object.values(await import(new URL(file, folder).pathname))
    expect(exported).toEqual([{ on: expect.any(String), proves: expect.any(String), run: expect.any(Function) }])
  })

  test('can be run from the command line', () => {
    expect(commandLine).toContain(`from './scenarios/${file}'`)
  })
})
