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

describe.skipIf(process.platform !== 'linux')('image-list.sh', () => {
  const file = 'steps/image-list.sh'
  const lists = 'echo registry/a:1; echo registry/pause:3; echo registry/b:1; echo "warning: c" >&2'

  function refusing(...said: string[]): Root {
    return machine(`cat >&2 <<'SAID'\n${said.join('\n')}\nSAID\nexit 1`)
  }

  test('leaves the list that kubeadm makes by the configuration, for root alone', async () => {
    const root = machine(lists)
    expect(await root.runWith(yaml, file, work)).toEqual({ exitCode: 0, stdout: '', stderr: '' })
    expect(root.read(`${work}/images.list`)).toBe('registry/a:1\nregistry/pause:3\nregistry/b:1\n')
    expect(root.read(configuration)).toBe(yaml)
    for (const path of [configuration, `${work}/images.list`])
      expect(statSync(root.path(path)).mode & 0o777).toBe(0o600)
    expect(root.calls()[0]).toBe(`kubeadm config images list --config ${configuration}`)
    expect(readdirSync(root.path(work)).sort()).toEqual(['bin', 'cluster-configuration.yaml', 'images.list'])
  })

  test('puts another list in the place of one that is there', async () => {
    const root = machine(lists)
    root.write(`${work}/images.list`, 'registry/old:1\n')
    await root.runWith(yaml, file, work)
    expect(root.read(`${work}/images.list`)).not.toContain('old')
  })

  test.each([
    [['error: unknown feature gate', 'To see the stack trace'], 'error: unknown feature gate'],
    [['W0102 03:04:05.6 common.go] deprecated', '', 'strict decoding error', 'more'], 'strict decoding error'],
    [['with \u001b[31m colours'], 'with [31m colours'],
    [['To see the stack trace of this error'], ''],
  ])('prints why kubeadm refuses the configuration, when it prints %j, and leaves no list', async (said, why) => {
    const root = refusing(...said)
    const { exitCode, stdout } = await root.runWith(yaml, file, work)
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: `refused ${why}` })
    expect(root.has(`${work}/images.list`)).toBe(false)
    expect(root.has(`${work}/images.list.new`)).toBe(false)
  })

  test.each([
    ['is killed', 'echo registry/a:1; kill -9 $$'],
    ['ends with a code of its own', 'echo registry/a:1; exit 2'],
  ])('fails and leaves no list when kubeadm %s', async (_, kubeadm) => {
    const root = machine(kubeadm)
    const { exitCode, stdout } = await root.runWith(yaml, file, work)
    expect(exitCode).not.toBe(0)
    expect(stdout).toBe('')
    expect(root.has(`${work}/images.list`)).toBe(false)
    expect(root.has(`${work}/images.list.new`)).toBe(false)
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
    root.write(`${work}/key`, 'v1.35.4\n')
    return root
  }

  test('exports the images that are asked for, renamed into place', async () => {
    const root = nodeImage()
    expect((await root.run('steps/image-archive.sh', work, 'v1.35.4', 'registry/a:1', 'registry/b:1')).exitCode).toBe(0)
    expect(root.read(`${work}/images.tar`)).toBe('images.tar.new registry/a:1 registry/b:1\n')
    expect(root.has(`${work}/images.tar.new`)).toBe(false)
    expect(root.has(`${work}/images.failed`)).toBe(false)
  })

  test('leaves out what may be lacking and is', async () => {
    const root = nodeImage()
    await root.run('steps/image-archive.sh', work, 'v1.35.4', 'registry/a:1', '?registry/c:1', '?registry/b:1')
    expect(root.read(`${work}/images.tar`)).toBe('images.tar.new registry/a:1 registry/b:1\n')
    expect(root.has(`${work}/images.failed`)).toBe(false)
  })

  test('names the image that it does not have, and exports nothing', async () => {
    const root = nodeImage()
    await root.run('steps/image-archive.sh', work, 'v1.35.4', 'registry/a:1', 'registry/a:10', 'registry/c:1')
    expect(root.read(`${work}/images.failed`)).toBe('lacks registry/a:10\n')
    expect(root.has(`${work}/images.tar`)).toBe(false)
  })

  test('tells why an export failed', async () => {
    const root = nodeImage('case $4 in ls) echo registry/a:1 ;; export) echo "no space left" >&2; exit 1 ;; esac')
    await root.run('steps/image-archive.sh', work, 'v1.35.4', 'registry/a:1')
    expect(root.read(`${work}/images.failed`)).toBe('no space left\n')
    expect(root.has(`${work}/images.tar`)).toBe(false)
  })

  test("leaves another attempt's directory alone", async () => {
    const root = nodeImage()
    expect((await root.run('steps/image-archive.sh', work, 'v1.36.3', 'registry/a:1')).exitCode).toBe(1)
    expect(root.has(`${work}/images.tar`)).toBe(false)
    expect(root.has(`${work}/images.failed`)).toBe(false)
  })
})
