import { cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { run } from '../../host/subprocess.ts'
import { sha256 } from '../host/hash.ts'
import { arch } from '../host/names.ts'

/** What an image consists of. */
export interface ImageContent {
  /** The full name of the image with its tag. */
  name: string
  /** Programs on the host that go to /usr/local/bin. */
  programs: string[]
  entrypoint?: string
  /** A tar on the host that is the layer below the programs. */
  below?: string
}

// The same programs result in the same bytes of the image.
const epoch = '1970-01-01T00:00:00Z'
const reproducible = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner']

/**
 * Writes an image as `docker save` does and resolves to the path of the archive. It needs no engine, so no tag of the
 * user's own images changes.
 */
export async function writeImage(staging: string, content: ImageContent): Promise<string> {
  const { name, programs, entrypoint, below } = content
  const folder = join(staging, basename(name))
  const bin = join(folder, 'root/usr/local/bin')
  await mkdir(bin, { recursive: true })
  for (const program of programs) await cp(program, join(bin, basename(program)))
  await run`tar ${reproducible} -C ${join(folder, 'root')} -cf ${join(folder, 'programs.tar')} usr`
  if (below) await cp(below, join(folder, 'below.tar'))
  const layers = below ? ['below.tar', 'programs.tar'] : ['programs.tar']

  const digests = await Promise.all(layers.map((layer) => sha256(join(folder, layer))))
  const config = {
    architecture: arch,
    os: 'linux',
    created: epoch,
    config: {
      Env: ['PATH=/usr/local/bin:/usr/sbin:/usr/bin'],
      ...(entrypoint && { Entrypoint: [entrypoint] }),
    },
    rootfs: { type: 'layers', diff_ids: digests.map((digest) => `sha256:${digest}`) },
    history: layers.map((layer) => ({ created: epoch, created_by: layer })),
  }
  const manifest = [{ Config: 'config.json', RepoTags: [name], Layers: layers }]
  await writeFile(join(folder, 'config.json'), JSON.stringify(config))
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest))

  const archive = `${folder}.tar`
  await run`tar ${reproducible} -C ${folder} -cf ${archive} manifest.json config.json ${layers}`
  await rm(folder, { recursive: true })
  return archive
}
