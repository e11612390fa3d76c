import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { anchorsIn, codeBlocksIn, linksIn } from './markdown.ts'

const root = join(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const pages = [...globSync(['*.md', '.github/**/*.md', 'docs/**/*.md'], { cwd: root })].sort()

// Links that lead to no file, or to no heading of it.
function brokenIn(page: string, text: string): string[] {
  return linksIn(text).filter((link) => {
    if (/^https?:/.test(link)) return false
    const [path = '', anchor] = link.split('#')
    const target = path === '' ? page : join(dirname(page), path)
    if (!existsSync(join(root, target))) return true
    return anchor !== undefined && !anchorsIn(target === page ? text : read(target)).includes(anchor)
  })
}

// Commands that neither CI runs nor the text around them marks.
function unmarkedIn(text: string, ci: string): string[] {
  return codeBlocksIn(text)
    .filter(({ language, before }) => language === 'sh' && !before.includes('CI does not run'))
    .flatMap(({ lines }) => lines.filter((line) => !isIn(line, ci)))
}

function isIn(command: string, ci: string): boolean {
  return ci.split('\n').some((line) => line.endsWith(` ${command}`) || line.includes(` ${command} 2>`))
}

describe('pages', () => {
  test('there are some in every folder', () => {
    for (const folder of ['how-to', 'reference', 'explanation', 'explanation/decisions']) {
      expect(pages.filter((page) => dirname(page) === `docs/${folder}`).length).toBeGreaterThan(1)
    }
  })

  test.each(pages)('every link of %s leads to a file and a heading', (page) => {
    expect(brokenIn(page, read(page))).toEqual([])
  })

  test('a link to no file and a link to no heading are found', () => {
    expect(brokenIn('README.md', 'See [a](docs/none.md), [b](#none) and [c](docs/README.md#none).')).toEqual([
      'docs/none.md',
      '#none',
      'docs/README.md#none',
    ])
  })

  test('the index has every page', () => {
    const listed = new Set(linksIn(read('docs/README.md')).map((link) => join('docs', link)))
    const expected = pages.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md')
    expect(expected.filter((page) => !listed.has(page))).toEqual([])
  })
})

describe('commands', () => {
  const ci = read('.ci/run')

  test.each(['README.md', 'docs/tutorial.md'])('CI runs the commands of %s, or the page marks them', (page) => {
    expect(codeBlocksIn(read(page)).some(({ language }) => language === 'sh')).toBe(true)
    expect(unmarkedIn(read(page), ci)).toEqual([])
  })

  test('a command that CI does not run is found unless it is marked', () => {
    const block = '```sh\nnpm run demo\nnpm run other\n```'
    expect(unmarkedIn(`Run it.\n\n${block}`, ci)).toEqual(['npm run other'])
    expect(unmarkedIn(`CI does not run this:\n\n${block}`, ci)).toEqual([])
  })

  test.each(pages.filter((page) => page.startsWith('docs/how-to/')))('%s is marked as not run by CI', (page) => {
    expect(read(page).replaceAll('\n', ' ')).toContain('CI does not run the commands of this page')
  })

  test('every npm script that a page names exists', () => {
    const { scripts } = JSON.parse(read('package.json'))
    const named = pages.flatMap((page) => [...read(page).matchAll(/\bnpm run ([a-z0-9]+)/g)].map(([, name]) => name))
    expect([...new Set(named)].filter((name) => name === undefined || !(name in scripts))).toEqual([])
  })
})

test('the README has at most 80 lines', () => {
  expect(read('README.md').trimEnd().split('\n').length).toBeLessThanOrEqual(80)
})

test('the workflows of GitHub run npm scripts only', () => {
  const files = globSync('.github/workflows/*.yaml', { cwd: root })
  const commands = files.flatMap((file) => [...read(file).matchAll(/run: (.+)$/gm)].map(([, command = '']) => command))
  expect(files).toHaveLength(2)
  expect(commands.length).toBeGreaterThan(0)
  expect(
    commands.filter((command) => !/^(sudo env "PATH=\$PATH" )?npm (test|run [a-z0-9]+( -- [\w -]+)?)$/.test(command)),
  ).toEqual([])
})

test('.nvmrc names the Node of the image', () => {
  expect(read('Dockerfile')).toContain(`ARG NODE_IMAGE=node:${read('.nvmrc').trim()}-`)
})
