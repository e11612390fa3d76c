import { readdirSync, statSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { createRoot, type Root } from './rooted.ts'

const work = '/var/lib/work'
const configuration = `${work}/cluster-configuration.yaml`
const yaml = 'kind: ClusterConfiguration\nkubernetesVersion: v1.35.4\n'

function machine(kubeadm: string, ctr = ''): Root {
  const root = createRoot()
  root.program(`${work}/bin/kubeadm`, kubeadm)
  root.program('/stand-ins/ctr', ctr)
  return root
}

describe.skipIf(process.platform !== 'linux')('images.sh', () => {
  const lists = 'echo registry/a:1; echo registry/pause:3; echo registry/b:1; echo "warning: c" >&2'
  const length = String(Buffer.byteLength(yaml))

  function refusing(...said: string[]): Root {
    return machine(`cat >&2 <<'SAID'\n${said.join('\n')}\nSAID\nexit 1`)
  }

  test("prints which images are needed, but for kubeadm's pause, and which are there, by the configuration it is given", async () => {
    const root = machine(lists, 'echo registry/b:1; echo registry/d:1')
    const { exitCode, stdout } = await root.runWith(yaml, 'images.sh', work, length)
    expect(exitCode).toBe(0)
    expect(stdout.split('\n')).toEqual([
      'needed registry/a:1',
      'needed registry/b:1',
      'there registry/b:1',
      'there registry/d:1',
    ])
    expect(root.read(configuration)).toBe(yaml)
    expect(statSync(root.path(configuration)).mode & 0o777).toBe(0o600)
    expect(root.calls()[0]).toBe(`kubeadm config images list --config ${configuration}`)
  })

  test('goes by the configuration that it was given before, when it is given none', async () => {
    const root = machine(lists)
    root.write(configuration, yaml)
    expect((await root.run('images.sh', work, '0')).exitCode).toBe(0)
    expect(root.read(configuration)).toBe(yaml)
  })

  test('asks kubeadm nothing without any configuration', async () => {
    const root = machine(lists)
    expect((await root.run('images.sh', work, '0')).exitCode).not.toBe(0)
    expect(root.calls()).toEqual([])
  })

  test('keeps the one from before when the configuration arrives cut off', async () => {
    for (const cut of [0, 1, yaml.length - 1]) {
      const root = machine(lists)
      root.write(configuration, 'before')
      expect((await root.runWith(yaml.slice(0, cut), 'images.sh', work, length)).exitCode).not.toBe(0)
      expect(root.read(configuration)).toBe('before')
      expect(root.has(`${configuration}.new`)).toBe(false)
    }
  })

  test.each([
    [['error: unknown feature gate', 'To see the stack trace'], 'error: unknown feature gate'],
    [['W0102 03:04:05.6 common.go] deprecated', '', 'strict decoding error', 'more'], 'strict decoding error'],
    [['with \u001b[31m colours'], 'with [31m colours'],
    [['To see the stack trace of this error'], ''],
  ])('prints why kubeadm refuses the configuration, when it says %j', async (said, why) => {
    const { exitCode, stdout } = await refusing(...said).runWith(yaml, 'images.sh', work, length)
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: `refused ${why}` })
  })

  test.each([
    ['kubeadm is killed', () => machine('kill -9 $$')],
    ['containerd does not answer', () => machine(lists, 'exit 1')],
  ])('fails when %s, rather than need no image or every one', async (_, broken) => {
    const { exitCode, stdout } = await broken().runWith(yaml, 'images.sh', work, length)
    expect(exitCode).not.toBe(0)
    expect(stdout).toBe('')
  })
})

describe.skipIf(process.platform !== 'linux')('steps/images.sh', () => {
  test('pulls by kubeadm, from where the configuration says', async () => {
    const root = machine('')
    expect((await root.run('steps/images.sh', work, 'pull')).exitCode).toBe(0)
    expect(root.calls()).toEqual([`kubeadm config images pull --config ${configuration}`])
  })

  test('imports the archive, and then takes it away', async () => {
    const root = machine('')
    root.write(`${work}/images.tar`, 'archive')
    expect((await root.run('steps/images.sh', work, 'node-image')).exitCode).toBe(0)
    expect(root.calls()).toEqual([`ctr -n k8s.io images import ${work}/images.tar`])
    expect(root.has(`${work}/images.tar`)).toBe(false)
  })

  test('keeps the archive when it cannot be imported', async () => {
    const root = machine('', 'exit 1')
    root.write(`${work}/images.tar`, 'archive')
    expect((await root.run('steps/images.sh', work, 'node-image')).exitCode).toBe(1)
    expect(root.has(`${work}/images.tar`)).toBe(true)
  })

  test('fails when kubeadm cannot pull', async () => {
    expect((await machine('exit 1').run('steps/images.sh', work, 'pull')).exitCode).toBe(1)
  })
})

describe.skipIf(process.platform !== 'linux')('image-archive.sh', () => {
  const ctr = 'case $4 in ls) echo registry/a:1; echo registry/b:1 ;; export) shift 4; echo "$*" >"$1" ;; esac'

  function nodeImage(script = ctr): Root {
    const root = machine('', script)
    root.program('/stand-ins/containerd')
    root.write(`${work}/x`, '')
    return root
  }

  test('exports the images that are asked for, renamed into place', async () => {
    const root = nodeImage()
    expect((await root.run('steps/image-archive.sh', work, 'registry/a:1', 'registry/b:1')).exitCode).toBe(0)
    expect(root.read(`${work}/images.tar`)).toBe(`${work}/images.tar.new registry/a:1 registry/b:1\n`)
    expect(root.has(`${work}/images.tar.new`)).toBe(false)
    expect(root.has(`${work}/images.failed`)).toBe(false)
  })

  test('leaves out what may be lacking and is', async () => {
    const root = nodeImage()
    await root.run('steps/image-archive.sh', work, 'registry/a:1', '?registry/c:1', '?registry/b:1')
    expect(root.read(`${work}/images.tar`)).toBe(`${work}/images.tar.new registry/a:1 registry/b:1\n`)
    expect(root.has(`${work}/images.failed`)).toBe(false)
  })

  test('names the image that it does not have, and exports nothing', async () => {
    const root = nodeImage()
    await root.run('steps/image-archive.sh', work, 'registry/a:1', 'registry/a:10', 'registry/c:1')
    expect(root.read(`${work}/images.failed`)).toBe('lacks registry/a:10\n')
    expect(root.has(`${work}/images.tar`)).toBe(false)
  })

  test('tells why an export failed', async () => {
    const root = nodeImage('case $4 in ls) echo registry/a:1 ;; export) echo "no space left" >&2; exit 1 ;; esac')
    await root.run('steps/image-archive.sh', work, 'registry/a:1')
    expect(root.read(`${work}/images.failed`)).toBe('no space left\n')
    expect(root.has(`${work}/images.tar`)).toBe(false)
  })

  test('leaves an empty reason when the disk has no space for one, and no half archive', async () => {
    const root = nodeImage('case $4 in ls) echo registry/a:1 ;; export) echo half >"$5"; exit 1 ;; esac')
    // cat is what writes the reason.
    root.program('/stand-ins/cat', 'echo "cat: write error: No space left on device" >&2; exit 1')
    expect((await root.run('steps/image-archive.sh', work, 'registry/a:1')).exitCode).toBe(1)
    expect(readdirSync(root.path(work)).sort()).toEqual(['bin', 'images.failed', 'x'])
    expect(root.read(`${work}/images.failed`)).toBe('')
  })
})
