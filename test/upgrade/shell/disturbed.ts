import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { createRoot, type Root } from './rooted.ts'

/** True where small file systems can be mounted. */
export const canMount = process.platform === 'linux' && userInfo().uid === 0 && mounts()

/** Milliseconds for a test of this kind: it has many runs, on a host that may be busy. */
export const limit = 240_000

/** One shell file, and a machine to run it on. */
export interface Case {
  script: string
  args: string[]
  /** The arguments of the run after one that did not end, where they depend on what that one has done. */
  argsAgain?: (root: Root) => string[]
  /** What the script reads from standard input. */
  input?: string
  /** The directories that the script writes to. */
  disks: string[]
  /** Puts the machine in the state before the run. */
  prepare(root: Root): void
  /** Brings again, before the next run, what the service brings where it is not there. */
  bringAgain?(root: Root): void
  /** Patterns of paths that a run that did not end may leave, and the next one takes away. */
  leftovers?: RegExp[]
  /** Whole contents that a file may have in between, by path. */
  between?: Record<string, string>
}

type Snapshot = Map<string, string>

/** Runs the case on a disk of the machine that has a page more room each time, until the run succeeds. */
export async function onFullDisk(disk: string, one: Case): Promise<number> {
  const { before, after } = await undisturbed(one)
  for (let pages = 0; ; pages += 1) {
    const root = createRoot()
    mountAt(root.path(disk))
    one.prepare(root)
    const filler = fill(root.path(disk), pages * 4096)
    const { exitCode } = await runOf(root, one)
    rmSync(filler)
    if (exitCode === 0) {
      expect(snapshot(root), `${pages} pages`).toEqual(after)
      return pages
    }
    expectWhole(snapshot(root), before, after, one, `${pages} pages`)
    expect(await runAgain(root, one), `after ${pages} pages`).toMatchObject({ exitCode: 0 })
    expect(snapshot(root), `after ${pages} pages`).toEqual(after)
  }
}

/** Kills the case's shell when it calls a program for the first time, the second time, … until it ends. */
export async function killed(one: Case): Promise<number> {
  const { before, after } = await undisturbed(one)
  for (let call = 1; ; call += 1) {
    const root = createRoot()
    one.prepare(root)
    const disarm = arm(root, call)
    await runOf(root, one)
    const wasKilled = disarm()
    expectWhole(snapshot(root), before, after, one, `killed at call ${call}`)
    if (!wasKilled) return call
    one.bringAgain?.(root)
    expect(await runAgain(root, one), `after a kill at call ${call}`).toMatchObject({ exitCode: 0 })
    expect(snapshot(root), `after a kill at call ${call}`).toEqual(after)
  }
}

async function undisturbed(one: Case): Promise<{ before: Snapshot; after: Snapshot }> {
  const root = createRoot()
  one.prepare(root)
  const before = snapshot(root)
  expect(await runOf(root, one)).toMatchObject({ exitCode: 0 })
  return { before, after: snapshot(root) }
}

function runOf(root: Root, { script, args, input = '' }: Case) {
  return root.runWith(input, script, ...args)
}

function runAgain(root: Root, one: Case) {
  return runOf(root, { ...one, args: one.argsAgain?.(root) ?? one.args })
}

// Each file is as it was before or as it is after a whole run, none is gone that stays, and none is there that is neither.
function expectWhole(now: Snapshot, before: Snapshot, after: Snapshot, one: Case, label: string): void {
  const { leftovers = [], between = {} } = one
  for (const [path, content] of now) {
    if (leftovers.some((pattern) => pattern.test(path))) continue
    if (path in between && content.endsWith(` ${between[path]}`)) continue
    expect([before.get(path), after.get(path)], `${label}: ${path}`).toContain(content)
  }
  for (const path of before.keys()) {
    if (after.has(path)) expect([...now.keys()], label).toContain(path)
  }
}

// Path in the machine to mode and content, of all files but those of the test itself.
function snapshot(root: Root): Snapshot {
  const found: Snapshot = new Map()
  const visit = (directory: string) => {
    for (const name of readdirSync(root.path(directory))) {
      const path = join(directory, name)
      const stat = lstatSync(root.path(path))
      if (stat.isDirectory()) visit(path)
      else
        found.set(
          path.replaceAll(root.path(''), ''),
          `${(stat.mode & 0o7777).toString(8)} ${stat.isFile() ? root.read(path) : 'not a file'}`,
        )
    }
  }
  for (const place of ['/etc', '/usr', '/var', '/opt']) if (root.has(place)) visit(place)
  return found
}

/** Mounts a file system there: of 1 MiB or, in the kernel's words, of another size. */
export function mountAt(path: string, size = '1m'): void {
  mkdirSync(path, { recursive: true })
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path])
  onTestFinished(() => void execFileSync('umount', [path]))
}

// Leaves this many bytes of the file system free.
function fill(disk: string, freeBytes: number): string {
  const { bavail, bsize } = statfsSync(disk)
  const filler = join(disk, '.filler')
  writeFileSync(filler, Buffer.alloc(bavail * bsize - freeBytes))
  return filler
}

// Those that change files.
const programs = ['base64', 'cat', 'cp', 'dd', 'mkdir', 'mv', 'rm', 'sed']

// Puts programs before the real ones that kill the shell that calls them for the n-th time; the function that it gives back
// takes them away again and is true when one did.
function arm(root: Root, call: number): () => boolean {
  const count = root.path('kill-count')
  const mark = root.path('killed')
  mkdirSync(root.path('/stand-ins'), { recursive: true })
  const added: string[] = []
  writeFileSync(count, '0')
  for (const program of programs) {
    const path = root.path(`/stand-ins/${program}`)
    const real = realPath(program)
    if (existsSync(path) || real === undefined) continue
    const lines = [
      '#!/bin/sh',
      `read -r calls <${count}`,
      'calls=$((calls + 1))',
      `echo $calls >${count}`,
      `if [ $calls = ${call} ]; then : >${mark}; kill -9 $PPID; exit 1; fi`,
      `exec ${real} "$@"`,
      '',
    ]
    writeFileSync(path, lines.join('\n'), { mode: 0o755 })
    added.push(path)
  }
  return () => {
    for (const path of added) rmSync(path)
    return existsSync(mark)
  }
}

function realPath(program: string): string | undefined {
  return ['/usr/bin', '/bin'].map((directory) => `${directory}/${program}`).find((path) => existsSync(path))
}

function mounts(): boolean {
  const probe = readFileSync('/proc/self/status', 'utf8')
  const capabilities = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(probe)?.[1] ?? '0'}`)
  return ((capabilities >> 21n) & 1n) === 1n
}
