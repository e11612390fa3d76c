import { createHash } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'

// A clone without packages, whose npm refuses to install next to another one.
function newClone() {
  const folder = mkdtempSync(join(tmpdir(), 'capd-kubeadm-upgrader-bootstrap-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const [root, bin, cache] = ['clone', 'bin', 'cache'].map((name) => join(folder, name)) as [string, string, string]
  for (const path of [join(root, 'scripts'), bin, cache]) mkdirSync(path, { recursive: true })
  cpSync('scripts/bootstrap.mjs', join(root, 'scripts/bootstrap.mjs'))
  writeFileSync(join(root, 'package.json'), JSON.stringify({ engines: { node: '>=18.0.0' } }))
  writeFileSync(join(root, 'package-lock.json'), '{}')
  writeFileSync(join(root, 'hello.mjs'), "console.log('hello')")
  const npm = join(bin, 'npm')
  writeFileSync(
    npm,
    '#!/bin/sh\nset -e\nmkdir busy\necho ci >>installs\nsleep 0.3\nmkdir -p node_modules\nrmdir busy\n',
  )
  chmodSync(npm, 0o755)
  const env = { PATH: `${bin}${delimiter}${process.env.PATH}`, XDG_CACHE_HOME: cache }
  const start = () => execa('node', ['scripts/bootstrap.mjs', 'hello.mjs'], { cwd: root, env, reject: false })
  return { root, start, locks: join(cache, 'capd-kubeadm-upgrader') }
}

test('commands that begin at the same time in a new clone install its packages once', async () => {
  const { root, start, locks } = newClone()
  const results = await Promise.all([start(), start(), start()])
  expect(results.map(({ exitCode, stdout }) => [exitCode, stdout])).toEqual(Array(3).fill([0, 'hello']))
  expect(readFileSync(join(root, 'installs'), 'utf8')).toBe('ci\n')
  expect(readdirSync(locks)).toEqual([])
})

test('the lock of a process that was killed does not last', async () => {
  const { root, start, locks } = newClone()
  const ended = execa('true')
  await ended
  const hash = createHash('sha256').update(realpathSync(root)).digest('hex').slice(0, 16)
  mkdirSync(locks, { recursive: true })
  writeFileSync(join(locks, `install-${hash}.lock`), String(ended.pid))
  expect(await start()).toMatchObject({ exitCode: 0, stdout: 'hello' })
  expect(readdirSync(locks)).toEqual([])
})
