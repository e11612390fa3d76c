import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { logTo } from '../../scripts/host/progress.ts'
import { ensureImage, type ImageSource } from '../../scripts/lab/engine/ensure-image.ts'
import { imageInputs } from '../../scripts/lab/engine/images.ts'

// A docker whose images are files with the hash of their inputs, on the engine and in a registry.
const docker = `#!/bin/sh
cd "$(dirname "$0")" || exit
for name do :; done
file=$(echo "$name" | tr / _)
case "$1 $2" in
  'image inspect') cat "engine/$file" ;;
  'manifest inspect') test -e "registry/$file" ;;
  'pull --quiet') cp "registry/$file" "engine/$file" ;;
  *) exit 1 ;;
esac
`

let folder: string
let built: string[]

beforeEach(async () => {
  logTo(() => {})
  built = []
  folder = await mkdtemp(join(tmpdir(), 'capd-kubeadm-upgrader-test-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  for (const name of ['engine', 'registry']) await mkdir(join(folder, name))
  await writeFile(join(folder, 'docker'), docker, { mode: 0o755 })
  vi.stubEnv('PATH', `${folder}${delimiter}${process.env.PATH}`)
})

async function put(place: 'engine' | 'registry', name: string, hash: string): Promise<void> {
  await writeFile(join(folder, place, name.replaceAll('/', '_')), hash)
}

// A source whose build has the hash "new". `loads` counts how often its build was loaded.
function source(names: { published?: string; built: readonly [string, ...string[]] }) {
  const counted = { loads: 0 }
  const image: ImageSource<string> = {
    title: 'image',
    ...names,
    load: async () => {
      counted.loads += 1
      return {
        hash: 'new',
        prepare: async () => 'program',
        build: async (program) => {
          built.push(program)
          for (const name of names.built) await put('engine', name, 'new')
        },
      }
    },
  }
  return { image, counted }
}

const published = 'kindest/node:v1'
const own = 'lab/node'

test.each([[published], [own]])('a published image on the engine is taken as it is; a build is %s', async (name) => {
  await put('engine', published, '')
  const { image, counted } = source({ published, built: [name] })
  expect(await ensureImage(image)).toBe(published)
  expect({ counted, built }).toEqual({ counted: { loads: 0 }, built: [] })
})

test.each([
  [published],
  [own],
])('an image of a registry is pulled, and nothing of its build %s is loaded', async (name) => {
  await put('registry', published, '')
  const { image, counted } = source({ published, built: [name] })
  expect(await ensureImage(image)).toBe(published)
  expect(await imageInputs(published)).toBe('')
  expect({ counted, built }).toEqual({ counted: { loads: 0 }, built: [] })
})

test.each([[published], [own]])('a build %s that is up to date is taken', async (name) => {
  await put('engine', name, 'new')
  await put('registry', published, '')
  expect(await ensureImage(source({ published, built: [name] }).image)).toBe(name)
  expect(built).toEqual([])
})

test.each([
  [published],
  [own],
])('a build %s that is out of date is built again where no registry answers', async (name) => {
  await put('engine', name, 'old')
  expect(await ensureImage(source({ published, built: [name] }).image)).toBe(name)
  expect(built).toEqual(['program'])
  expect(await imageInputs(name)).toBe('new')
})

test('an image that no registry publishes is built, and no registry is called', async () => {
  await put('registry', own, '')
  expect(await ensureImage(source({ built: [own] }).image)).toBe(own)
  expect(built).toEqual(['program'])
})

test('all names of a build have to be there and up to date', async () => {
  const { image } = source({ published, built: [own, 'lab/npm'] })
  await put('engine', own, 'new')
  expect(await ensureImage(image)).toBe(own)
  expect(built).toHaveLength(1)
  await put('engine', 'lab/npm', 'old')
  await ensureImage(image)
  expect(built).toHaveLength(2)
  await ensureImage(image)
  expect(built).toHaveLength(2)
})
