import { cp, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { run } from '../../host/run.ts'
import { arch } from '../host/names.ts'
import { sha256 } from '../host/sha256.ts'

export interface ImageContent {
  // The image's full name with its tag.
  name: string
  // Programs that go to /usr/local/bin.
  programs: string[]
  entrypoint?: string
  // A tar that lies below them.
  below?: string
}

// The same programs give the same image, whenever and wherever it is made.
const epoch = '1970-01-01T00:00:00Z'
const reproducible = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner']

// Writes an image in the form of `docker save`, without an engine: no tag of the user's own images is touched.
export async function writeImage(staging: string, content: ImageContent): Promise<string> {
  const { folder, layers, config } = await writeLayers(staging, content)
  const manifest = [{ Config: 'config.json', RepoTags: [content.name], Layers: layers.map(({ file }) => file) }]
  await writeFile(join(folder, 'config.json'), config)
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest))
  return pack(folder, ['manifest.json', 'config.json', ...layers.map(({ file }) => file)])
}

interface Descriptor {
  mediaType: string
  digest: string
  size: number
}

const oci = 'application/vnd.oci.image'

/**
 * Writes an image for two architectures of which only this machine's is in the archive, as an OCI layout: what
 * `ctr content fetch --platform` leaves of an image in a registry. Gives the archive's path.
 */
export async function writeImageOfOneArchitecture(staging: string, content: ImageContent): Promise<string> {
  const { folder, layers, config } = await writeLayers(staging, content)
  const blobs = join(folder, 'blobs/sha256')
  await mkdir(blobs, { recursive: true })

  const described: Descriptor[] = []
  for (const { file, digest } of layers) {
    const { size } = await stat(join(folder, file))
    await rename(join(folder, file), join(blobs, digest))
    described.push({ mediaType: `${oci}.layer.v1.tar`, digest: `sha256:${digest}`, size })
  }
  const writeBlob = async (mediaType: string, text: string): Promise<Descriptor> => {
    const file = join(folder, 'blob')
    await writeFile(file, text)
    const digest = await sha256(file)
    await rename(file, join(blobs, digest))
    return { mediaType, digest: `sha256:${digest}`, size: Buffer.byteLength(text) }
  }
  const manifest = await writeBlob(
    `${oci}.manifest.v1+json`,
    JSON.stringify({
      schemaVersion: 2,
      mediaType: `${oci}.manifest.v1+json`,
      config: await writeBlob(`${oci}.config.v1+json`, config),
      layers: described,
    }),
  )
  const absent = { ...manifest, digest: `sha256:${'0'.repeat(64)}` }
  const index = await writeBlob(
    `${oci}.index.v1+json`,
    JSON.stringify({
      schemaVersion: 2,
      mediaType: `${oci}.index.v1+json`,
      manifests: [
        { ...absent, platform: { os: 'linux', architecture: arch === 'amd64' ? 'arm64' : 'amd64' } },
        { ...manifest, platform: { os: 'linux', architecture: arch } },
      ],
    }),
  )
  const annotations = { 'io.containerd.image.name': content.name }
  await writeFile(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
  await writeFile(
    join(folder, 'index.json'),
    JSON.stringify({ schemaVersion: 2, manifests: [{ ...index, annotations }] }),
  )
  return pack(folder, ['oci-layout', 'index.json', 'blobs'])
}

interface Layers {
  // Where they lie.
  folder: string
  // The lowest first, each with its SHA-256 in hex.
  layers: { file: string; digest: string }[]
  // The image's configuration, as JSON.
  config: string
}

async function writeLayers(staging: string, { name, programs, entrypoint, below }: ImageContent): Promise<Layers> {
  const folder = join(staging, basename(name))
  const bin = join(folder, 'root/usr/local/bin')
  await mkdir(bin, { recursive: true })
  for (const program of programs) await cp(program, join(bin, basename(program)))
  await run('tar', [...reproducible, '-C', join(folder, 'root'), '-cf', join(folder, 'programs.tar'), 'usr'])
  if (below) await cp(below, join(folder, 'below.tar'))
  const files = below ? ['below.tar', 'programs.tar'] : ['programs.tar']
  const layers = await Promise.all(files.map(async (file) => ({ file, digest: await sha256(join(folder, file)) })))
  const config = {
    architecture: arch,
    os: 'linux',
    created: epoch,
    config: {
      Env: ['PATH=/usr/local/bin:/usr/sbin:/usr/bin'],
      ...(entrypoint && { Entrypoint: [entrypoint] }),
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => `sha256:${digest}`) },
    history: layers.map(({ file }) => ({ created: epoch, created_by: file })),
  }
  return { folder, layers, config: JSON.stringify(config) }
}

async function pack(folder: string, parts: string[]): Promise<string> {
  const archive = `${folder}.tar`
  await run('tar', [...reproducible, '-C', folder, '-cf', archive, ...parts])
  await rm(folder, { recursive: true })
  return archive
}
