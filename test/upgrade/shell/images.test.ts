import { createHash } from 'node:crypto'
import { readdirSync, statSync, truncateSync } from 'node:fs'
import { execa } from 'execa'
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
  test('pulls with kubeadm, from the registry of the configuration', async () => {
    const root = machine('')
    expect((await root.run('steps/images.sh', work, 'pull')).exitCode).toBe(0)
    expect(root.calls()).toEqual([`kubeadm config images pull --config ${configuration}`])
  })

  const arch = process.arch === 'x64' ? 'amd64' : process.arch
  const imported = `ctr -n k8s.io images import --local --platform linux/${arch}`
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

  /** An archive of an index whose second architecture is not there, of its manifest, and of a layer. */
  function parts() {
    const layer = 'layer\n'
    const manifest = `{"layers":[{"digest":"sha256:${sha256(layer)}"}]}`
    const index = `{"manifests":[{"digest":"sha256:${sha256(manifest)}"},{"digest":"sha256:${'9'.repeat(64)}"}]}`
    const top = `{"manifests":[{"digest":"sha256:${sha256(index)}"}]}`
    return { layer, manifest, index, top }
  }

  async function withArchive(root: Root, change: (files: Map<string, string>) => void = () => {}): Promise<Root> {
    const { layer, manifest, index, top } = parts()
    const files = new Map([['index.json', top]])
    for (const part of [index, manifest, layer]) files.set(`blobs/sha256/${sha256(part)}`, part)
    change(files)
    for (const [path, text] of files) root.write(`/packed/${path}`, text)
    root.write(`${work}/images.tar`, '')
    await execa('tar', ['-C', root.path('/packed'), '-cf', root.path(`${work}/images.tar`), ...files.keys()])
    return root
  }

  test('B08: imports what this architecture needs of the archive, and then takes it away', async () => {
    const root = await withArchive(machine(''))
    expect((await root.run('steps/images.sh', work, 'node-image')).exitCode).toBe(0)
    expect(root.calls()).toEqual([`${imported} ${work}/images.tar`])
    expect(root.has(`${work}/images.tar`)).toBe(false)
  })

  test('B22: leaves the images packed where they cannot be unpacked, as with another snapshotter than overlayfs', async () => {
    const root = await withArchive(machine('', 'case "$*" in *--no-unpack*) ;; *) exit 1 ;; esac'))
    expect((await root.run('steps/images.sh', work, 'node-image')).exitCode).toBe(0)
    expect(root.calls().at(-1)).toBe(`${imported} --no-unpack ${work}/images.tar`)
  })

  test('does not leave the images packed where the disk is full', async () => {
    const root = await withArchive(machine('', 'echo "write: no space left on device" >&2; exit 1'))
    const { exitCode, stdout } = await root.run('steps/images.sh', work, 'node-image')
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: 'write: no space left on device' })
    expect(root.calls()).toEqual([`${imported} ${work}/images.tar`])
  })

  test('takes an archive away that cannot be imported, so that another is made', async () => {
    const root = await withArchive(machine('', 'exit 1'))
    expect((await root.run('steps/images.sh', work, 'node-image')).exitCode).toBe(1)
    expect(root.has(`${work}/images.tar`)).toBe(false)
  })

  test.each([
    ['a layer is missing', (files: Map<string, string>) => files.delete(`blobs/sha256/${sha256(parts().layer)}`)],
    [
      'a layer is another',
      (files: Map<string, string>) => files.set(`blobs/sha256/${sha256(parts().layer)}`, 'other\n'),
    ],
    [
      'the manifest is missing',
      (files: Map<string, string>) => files.delete(`blobs/sha256/${sha256(parts().manifest)}`),
    ],
    ['the image is missing', (files: Map<string, string>) => files.delete(`blobs/sha256/${sha256(parts().index)}`)],
    ['its list of images is missing', (files: Map<string, string>) => files.delete('index.json')],
    ['its list of images is empty', (files: Map<string, string>) => files.set('index.json', '{"manifests":[]}')],
  ])('takes an archive away in which %s, and imports nothing', async (_, change) => {
    const root = await withArchive(machine(''), change)
    const { exitCode, stderr } = await root.run('steps/images.sh', work, 'node-image')
    expect(exitCode).toBe(1)
    expect(stderr).toContain('the archive of the images is not whole')
    expect(root.calls()).toEqual([])
    expect(root.has(`${work}/images.tar`)).toBe(false)
  })

  test('takes an archive away that was cut off', async () => {
    const root = await withArchive(machine(''))
    truncateSync(root.path(`${work}/images.tar`), 1500)
    expect((await root.run('steps/images.sh', work, 'node-image')).exitCode).toBe(1)
    expect(root.calls()).toEqual([])
    expect(root.has(`${work}/images.tar`)).toBe(false)
  })

  test('fails when kubeadm cannot pull', async () => {
    expect((await machine('exit 1').run('steps/images.sh', work, 'pull')).exitCode).toBe(1)
  })
})

describe.skipIf(process.platform !== 'linux')('image-archive.sh', () => {
  const store = '/var/lib/containerd/io.containerd.content.v1.content/blobs/sha256'
  const digest = (letter: string) => letter.repeat(64)
  const manifest = 'application/vnd.oci.image.manifest.v1+json'
  const line = (name: string, letter: string, type = manifest) => `${name} ${type} sha256:${digest(letter)} 7.0 MiB -`
  const listed = [line('registry/a:1', 'a'), line('registry/b:1', 'b')]
  const ctr = (lines: string[], onExport: string) =>
    `case $4 in ls) printf '%s\\n' 'REF TYPE DIGEST SIZE PLATFORMS' ${lines.map((one) => `'${one}'`).join(' ')} ;; export) shift 7; ${onExport} ;; esac`
  const exported = 'echo "$*" >"$1"'
  const naming = (...letters: string[]) => letters.map((letter) => `{"digest":"sha256:${digest(letter)}"}`).join(',')

  function nodeImage({ lines = listed, onExport = exported }: { lines?: string[]; onExport?: string } = {}): Root {
    const root = machine('', ctr(lines, onExport))
    root.program('/stand-ins/containerd')
    root.write(`${work}/key`, 'v1.35.4\n')
    // Image a has a layer of its own, and shares another one with b.
    root.write(`${store}/${digest('a')}`, `{"config":${naming('c')},"layers":[${naming('d', 'e')}]}`)
    root.write(`${store}/${digest('b')}`, `{"config":${naming('f')},"layers":[${naming('e')}]}`)
    for (const letter of ['c', 'd', 'e', 'f', '0']) root.write(`${store}/${digest(letter)}`, `part ${letter}\n`)
    return root
  }

  function run(root: Root, ...images: string[]) {
    return root.run('steps/image-archive.sh', work, 'v1.35.4', ...images)
  }

  async function inArchive(root: Root): Promise<{ parts: string[]; names: [string, number][] }> {
    const archive = root.path(`${work}/images.tar`)
    const files = (await execa('tar', ['-tf', archive])).stdout.split('\n')
    const { manifests } = JSON.parse((await execa('tar', ['-xOf', archive, 'index.json'])).stdout)
    return {
      parts: files.flatMap((file) => /^blobs\/sha256\/(.)\1{63}$/.exec(file)?.[1] ?? []),
      names: manifests.map((one: { size: number; annotations: Record<string, string> }) => [
        one.annotations['io.containerd.image.name'],
        one.size,
      ]),
    }
  }

  test('packs the images that are requested and each of their parts once, renamed into place', async () => {
    const root = nodeImage()
    expect((await run(root, 'registry/a:1', 'registry/b:1')).exitCode).toBe(0)
    const { parts, names } = await inArchive(root)
    expect(parts).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
    const size = (letter: string) => statSync(root.path(`${store}/${digest(letter)}`)).size
    expect(names).toEqual([
      ['registry/a:1', size('a')],
      ['registry/b:1', size('b')],
    ])
    expect(root.calls().filter((call) => call.includes('export'))).toEqual([])
    expect(readdirSync(root.path(work)).sort()).toEqual(['bin', 'images.tar', 'key'])
  })

  test('leaves out what may be lacking and is', async () => {
    const root = nodeImage()
    await run(root, 'registry/b:1', '?registry/c:1')
    expect((await inArchive(root)).parts).toEqual(['b', 'e', 'f'])
    expect(root.has(`${work}/images.failed`)).toBe(false)
  })

  test('B08: packs the manifest of this architecture alone where an image has several', async () => {
    const root = nodeImage({ lines: [line('registry/a:1', '1', 'application/vnd.oci.image.index.v1+json')] })
    root.write(`${store}/${digest('1')}`, `{"manifests":[${naming('9', 'a')}]}`)
    await run(root, 'registry/a:1')
    expect((await inArchive(root)).parts).toEqual(['1', 'a', 'c', 'd', 'e'])
  })

  test('lets containerd say what it thinks of an index without any of its manifests', async () => {
    const root = nodeImage({ lines: [line('registry/a:1', '1', 'application/vnd.oci.image.index.v1+json')] })
    root.write(`${store}/${digest('1')}`, `{"manifests":[${naming('8', '9')}]}`)
    await run(root, 'registry/a:1')
    expect(root.read(`${work}/images.tar`)).toBe('images.tar.new registry/a:1\n')
  })

  test.each([
    ['a part is not where containerd usually keeps it', (root: Root) => root.remove(`${store}/${digest('e')}`)],
    ['containerd keeps all parts elsewhere', (root: Root) => root.remove(store)],
    ['tar fails', (root: Root) => root.program('/stand-ins/tar', 'exit 1')],
  ])('lets containerd export the images where %s', async (_, provoke) => {
    const root = nodeImage()
    provoke(root)
    expect((await run(root, 'registry/a:1', 'registry/b:1')).exitCode).toBe(0)
    expect(root.read(`${work}/images.tar`)).toBe('images.tar.new registry/a:1 registry/b:1\n')
    expect(root.has(`${work}/images.tar.new`)).toBe(false)
    expect(root.has(`${work}/images.failed`)).toBe(false)
  })

  test('names the image that it does not have, and exports nothing', async () => {
    const root = nodeImage()
    await run(root, 'registry/a:1', 'registry/a:10', 'registry/c:1')
    expect(root.read(`${work}/images.failed`)).toBe('lacks registry/a:10\n')
    expect(root.has(`${work}/images.tar`)).toBe(false)
  })

  test('reports why an export failed', async () => {
    const root = nodeImage({ onExport: 'echo "no space left" >&2; exit 1' })
    root.remove(store)
    await run(root, 'registry/a:1')
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
