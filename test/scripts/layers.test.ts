import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { violationsIn } from '../../scripts/layers/check.ts'
import { folders } from '../../scripts/layers/floors.ts'
import { importsIn } from '../../scripts/layers/imports.ts'

const repository = join(import.meta.dirname, '../..')
let copy: string

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'capd-kubeadm-upgrader-test-'))
  for (const folder of folders) cpSync(join(repository, folder), join(copy, folder), { recursive: true })
})

afterAll(() => rmSync(copy, { recursive: true }))

// Adds a line to a file of the copy until the test is over.
function plant(path: string, line: string): void {
  const file = join(copy, path)
  const before = readFileSync(file, 'utf8')
  onTestFinished(() => writeFileSync(file, before))
  appendFileSync(file, `\n${line}\n`)
}

test('there are none today', () => {
  expect(violationsIn(copy)).toEqual([])
})

describe('an import from a higher floor is a violation', () => {
  test.each([
    ['src/machine/observe.ts', '../upgrade/step.ts', 'src/upgrade/step.ts'],
    ['scripts/lab/engine/network.ts', '../build/node-image.ts', 'scripts/lab/build/node-image.ts'],
    ['scripts/lab/host/lock.ts', '../engine/docker.ts', 'scripts/lab/engine/docker.ts'],
    ['scripts/lab/build/go.ts', '../cluster/registry.ts', 'scripts/lab/cluster/registry.ts'],
    ['scripts/lab/cluster/registry.ts', '../verbs/status.ts', 'scripts/lab/verbs/status.ts'],
    ['scripts/lab/verbs/down.ts', '../../lab.ts', 'scripts/lab.ts'],
    ['scripts/certificates/secret.ts', '../lab/host/cache.ts', 'scripts/lab/host/cache.ts'],
    ['scripts/docs/table.ts', '../lab/engine/docker.ts', 'scripts/lab/engine/docker.ts'],
    ['e2e/management/until.ts', '../scenarios/rollout.ts', 'e2e/scenarios/rollout.ts'],
    ['e2e/management/kube.ts', '../recovery/steps.ts', 'e2e/recovery/steps.ts'],
    ['e2e/player/stage.ts', '../management/kube.ts', 'e2e/management/kube.ts'],
    ['e2e/witness/verify.ts', '../player/stage.ts', 'e2e/player/stage.ts'],
    ['e2e/witness/gaps.ts', '../demo.ts', 'e2e/demo.ts'],
    ['scripts/lab/host/wait.ts', '../../../e2e/management/until.ts', 'e2e/management/until.ts'],
  ])('%s imports %s', (path, name, imported) => {
    plant(path, `import type {} from '${name}'`)
    expect(violationsIn(copy)).toContain(`${path} must not import ${imported}, which is above it`)
  })

  test.each([
    "import '../main.ts'",
    "import type { X } from '../main.ts'",
    "import * as all from '../main.ts'",
    "export { X } from '../main.ts'",
    "export * from '../main.ts'",
    "export type { X } from '../main.ts'",
    "const later = await import('../main.ts')",
    "type Later = import('../main.ts').X",
    "import {\n  type X,\n} from\n  '../main.ts'",
  ])('written as %s', (line) => {
    plant('src/errors/entry.ts', line)
    expect(violationsIn(copy)).toContain('src/errors/entry.ts must not import src/main.ts, which is above it')
  })
})

test('an import from another room of the same floor is a violation', () => {
  plant('src/hooks/discovery.ts', "export * from '../api/sync.ts'")
  expect(violationsIn(copy)).toEqual([
    'src/hooks/discovery.ts must not import src/api/sync.ts, which is on the same floor',
  ])
})

describe('a cycle is a violation, within a room too', () => {
  test.each([
    ['src/decide/diff.ts', './decide.ts', 'src/decide/decide.ts'],
    ['scripts/lab/host/cache.ts', './lock.ts', 'scripts/lab/host/lock.ts'],
    ['e2e/management/kube.ts', './clusters.ts', 'e2e/management/clusters.ts'],
  ])('%s imports %s', (path, name, imported) => {
    plant(path, `import type {} from '${name}'`)
    plant(imported, `import type {} from './${path.split('/').at(-1)}'`)
    const found = violationsIn(copy).filter((violation) => violation.startsWith('import cycle: '))
    expect(found.some((violation) => violation.includes(path) && violation.includes(imported))).toBe(true)
  })

  test('a file that imports itself', () => {
    plant('e2e/player/call.ts', "export * from './call.ts'")
    expect(violationsIn(copy)).toContain('import cycle: e2e/player/call.ts > e2e/player/call.ts')
  })
})

test.each([
  ['e2e/witness/verify.ts', '../../src/contract/catalogue.ts', 'src/contract/catalogue.ts'],
  ['scripts/lab/host/versions.ts', '../../../src/contract/catalogue.ts', 'src/contract/catalogue.ts'],
  ['src/decide/diff.ts', '../machine/engine.ts', 'src/machine/engine.ts'],
])('%s never imports %s, although it is lower', (path, name, imported) => {
  plant(path, `import type {} from '${name}'`)
  expect(violationsIn(copy)).toEqual([expect.stringContaining(`${path} must not import ${imported}: `)])
})

test.each([
  ["import { ensureGo } from '../build/go.ts'"],
  ["import type { ensureGo } from '../build/go.ts'"],
  ["export * from '../build/go.ts'"],
])('the builds of the lab are loaded only when they are needed: %s', (line) => {
  plant('scripts/lab/cluster/kind.ts', line)
  const why = 'builds are for hosts that no registry answers'
  expect(violationsIn(copy)).toEqual([
    `scripts/lab/cluster/kind.ts must import scripts/lab/build/go.ts with import(): ${why}`,
  ])
})

test.each(folders)('a new file of %s needs a floor', (folder) => {
  const file = join(copy, folder, 'new.ts')
  writeFileSync(file, '')
  onTestFinished(() => rmSync(file))
  expect(violationsIn(copy)).toEqual([`${folder}/new.ts has no floor in scripts/layers/floors.ts`])
})

test('a package with a home is a violation elsewhere in src/', () => {
  plant('src/upgrade/step.ts', "import Docker from 'dockerode'")
  expect(violationsIn(copy)).toEqual(['src/upgrade/step.ts must not import dockerode, which belongs to src/machine/'])
})

test('text that only looks like an import is none', () => {
  const text = "// import '../main.ts'\nconst text = `\nimport '../main.ts'\n`\n"
  expect(importsIn('a.ts', text)).toEqual([])
})

test('a name that is not a constant, and a file that cannot be parsed, are refused', () => {
  expect(() => importsIn('a.ts', 'await import(name)')).toThrow('a.ts imports a name that is not a constant')
  expect(() => importsIn('a.ts', 'import {')).toThrow('a.ts cannot be parsed')
})
