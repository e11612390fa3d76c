import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ownCache } from './room.ts'

async function room() {
  const { cache } = await ownCache()
  await mkdir(cache, { recursive: true })
  return { ...(await import('../../scripts/lab/host/cache.ts')), ...(await import('../../scripts/lab/host/hash.ts')) }
}

// A folder in the cache with a file, as a run leaves it.
async function leave(folder: string, file: string): Promise<void> {
  await mkdir(folder)
  await writeFile(join(folder, file), file)
}

test('an entry is not there before it is complete, and its staging folder is gone afterwards', async () => {
  const { cache, keep, keptFolder, isKept } = await room()
  const folder = keptFolder('kind', '0123456789ab')
  await keep(folder, async (staging) => {
    await writeFile(join(staging, 'kind'), 'program')
    expect(isKept(folder)).toBe(false)
  })
  expect(await readFile(join(folder, 'kind'), 'utf8')).toBe('program')
  expect(await readdir(cache)).toEqual(['kind-0123456789ab'])
})

test('a fill that fails leaves the entry of before', async () => {
  const { cache, keep, keptFolder } = await room()
  await leave(keptFolder('kind', 'aaaaaaaaaaaa'), 'old')
  const failing = keep(keptFolder('kind', 'bbbbbbbbbbbb'), async (staging) => {
    await writeFile(join(staging, 'new'), '')
    throw new Error('build failed')
  })
  await expect(failing).rejects.toThrow('build failed')
  expect(await readdir(cache)).toEqual(['kind-aaaaaaaaaaaa'])
})

test('an entry replaces those of its own name with other hashes, and no others', async () => {
  const { cache, keep, keptFolder } = await room()
  const others = [
    'kubernetes-v1.34.4-aaaaaaaaaaaa',
    'kindred-aaaaaaaaaaaa',
    'kind',
    'kind-notes',
    'upgrader-lab.kubeconfig',
  ]
  for (const name of [...others, 'kind-aaaaaaaaaaaa', 'kind-cccccccccccc']) await leave(join(cache, name), 'file')
  await keep(keptFolder('kind', 'bbbbbbbbbbbb'), async () => {})
  expect(await readdir(cache)).toEqual([...others.filter((name) => name !== 'kind'), 'kind-bbbbbbbbbbbb'].sort())
})

test('what a killed run left in staging goes before the next run of that name, and no other', async () => {
  const { cache, withStaging } = await room()
  await leave(join(cache, 'node.1.tmp'), 'half')
  await leave(join(cache, 'node-image.1.tmp'), 'half')
  await withStaging('node', async (staging) => {
    expect(await readdir(staging)).toEqual([])
    expect((await readdir(cache)).sort()).toEqual([`node.${process.pid}.tmp`, 'node-image.1.tmp'].sort())
  })
  expect(await readdir(cache)).toEqual(['node-image.1.tmp'])
})

test('staging works before there is a cache, and is removed after work that fails', async () => {
  const { cache } = await ownCache()
  const { withStaging } = await import('../../scripts/lab/host/cache.ts')
  const failing = withStaging('node', async () => {
    throw new Error('no space left')
  })
  await expect(failing).rejects.toThrow('no space left')
  expect(await readdir(cache)).toEqual([])
})

test('a hash is of values, of paths and of contents, wherever the folder is', async () => {
  const { cache, inputsHash } = await room()
  const folders = ['a', 'b', 'renamed', 'changed'].map((name) => join(cache, name))
  for (const [i, folder] of folders.entries()) {
    await mkdir(join(folder, 'etc'), { recursive: true })
    await writeFile(join(folder, i === 2 ? 'etc/other' : 'etc/config'), i === 3 ? 'new' : 'old')
  }
  const hashes = await Promise.all(folders.map((folder) => inputsHash({ version: 'v1' }, folder)))
  expect(hashes[0]).toMatch(/^[0-9a-f]{12}$/)
  expect(hashes[1]).toBe(hashes[0])
  expect(new Set([...hashes, await inputsHash({ version: 'v2' }, folders[0] ?? '')]).size).toBe(4)
})

test('the SHA-256 of a file is that of its bytes', async () => {
  const { cache, sha256 } = await room()
  await writeFile(join(cache, 'abc'), 'abc')
  // FIPS 180-2, appendix B.1.
  expect(await sha256(join(cache, 'abc'))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})
