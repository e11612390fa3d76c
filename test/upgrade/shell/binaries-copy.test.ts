import { chmodSync, readdirSync, statSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { createRoot, type Root } from './rooted.ts'

const work = '/var/lib/work'
const key = 'v1.35.4'
const names = ['kubeadm', 'kubectl', 'kubelet']

// A node image that holds these programs, with the machine's work directory.
function nodeImage(programs = names): Root {
  const root = createRoot()
  root.write(`${work}/key`, `${key}\n`)
  for (const name of programs) {
    root.write(`/usr/bin/${name}`, `the ${name}`)
    chmodSync(root.path(`/usr/bin/${name}`), 0o700)
  }
  return root
}

function run(root: Root) {
  return root.run('steps/binaries-copy.sh', work, key)
}

describe.skipIf(process.platform !== 'linux')('binaries-copy.sh', () => {
  test('copies the three programs, for all to run, and leaves nothing else', async () => {
    const root = nodeImage()
    expect(await run(root)).toMatchObject({ exitCode: 0 })
    expect(readdirSync(root.path(work)).sort()).toEqual(['bin.copied', 'key'])
    expect(readdirSync(root.path(`${work}/bin.copied`)).sort()).toEqual(names)
    expect(root.read(`${work}/bin.copied/kubelet`)).toBe('the kubelet')
    expect(statSync(root.path(`${work}/bin.copied/kubelet`)).mode & 0o777).toBe(0o755)
  })

  test('begins again after a run that was broken off', async () => {
    const root = nodeImage()
    root.write(`${work}/bin.copied.new/kubeadm`, 'half')
    root.write(`${work}/bin.copied.new/leftover`, '')
    root.write(`${work}/bin.failed`, 'lacks /usr/bin/kubelet\n')
    expect(await run(root)).toMatchObject({ exitCode: 0 })
    expect(readdirSync(root.path(`${work}/bin.copied`)).sort()).toEqual(names)
    expect(readdirSync(root.path(work)).sort()).toEqual(['bin.copied', 'key'])
  })

  test.each(['bin', 'bin.copied'])('leaves %s of an earlier run alone', async (directory) => {
    const root = nodeImage()
    root.write(`${work}/${directory}/kubeadm`, 'there')
    expect(await run(root)).toMatchObject({ exitCode: 0 })
    expect(root.read(`${work}/${directory}/kubeadm`)).toBe('there')
    expect(readdirSync(root.path(work)).sort()).toEqual([directory, 'key'])
  })

  test.each(names)('names %s where the image does not hold it, and leaves nothing of the others', async (name) => {
    const root = nodeImage(names.filter((other) => other !== name))
    expect(await run(root)).toMatchObject({ exitCode: 1 })
    expect(root.read(`${work}/bin.failed`)).toBe(`lacks /usr/bin/${name}\n`)
    expect(readdirSync(root.path(work)).sort()).toEqual(['bin.failed', 'key'])
  })

  test.each(['cp', 'sync'])('leaves the reason for which %s fails', async (program) => {
    const root = nodeImage()
    root.program(`/stand-ins/${program}`, 'echo "no space left" >&2; exit 1')
    expect(await run(root)).toMatchObject({ exitCode: 1 })
    expect(root.read(`${work}/bin.failed`)).toBe('no space left\n')
    expect(root.has(`${work}/bin.copied`)).toBe(false)
  })

  test("leaves another attempt's directory alone", async () => {
    const root = nodeImage()
    root.write(`${work}/key`, 'v1.36.3\n')
    expect(await run(root)).toMatchObject({ exitCode: 1 })
    expect(readdirSync(root.path(work))).toEqual(['key'])
  })
})
