import { cp, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises'
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
  const { folder, layers, config } = await writeLayers(staging, content)
  const files = layers.map(({ file }) => file)
  const manifest = [{ Config: 'config.json', RepoTags: [content.name], Layers: files }]
  await writeFile(join(folder, 'config.json'), config)
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest))
  return pack(folder, ['manifest.json', 'config.json', ...files])
}

interface Descriptor {
  mediaType: string
  digest: string
  size: number
}

const oci = 'application/vnd.oci.image'

/**
 * Writes an image for two architectures of which the archive has this machine's alone, and resolves to the path of the
 * archive, an OCI layout: what `ctr content fetch --platform` keeps of an image in a registry.
 */
export async function writeIndexedImage(staging: string, content: ImageContent): Promise<string> {
  const { folder, layers, config } = await writeLayers(staging, content)
  const blobs = join(folder, 'blobs/sha256')
  await mkdir(blobs, { recursive: true })
  const writeBlob = async (mediaType: string, text: string): Promise<Descriptor> => {
    const file = join(folder, 'blob')
    await writeFile(file, text)
    const digest = await sha256(file)
    await rename(file, join(blobs, digest))
    return { mediaType, digest: `sha256:${digest}`, size: Buffer.byteLength(text) }
  }
  const writeDocument = (type: string, fields: object) => {
    const mediaType = `${oci}.${type}.v1+json`
    return writeBlob(mediaType, JSON.stringify({ schemaVersion: 2, mediaType, ...fields }))
  }

  const described: Descriptor[] = []
  for (const { file, digest } of layers) {
    const { size } = await stat(join(folder, file))
    await rename(join(folder, file), join(blobs, digest))
    described.push({ mediaType: `${oci}.layer.v1.tar`, digest: `sha256:${digest}`, size })
  }
  const configBlob = await writeBlob(`${oci}.config.v1+json`, config)
  const manifest = await writeDocument('manifest', { config: configBlob, layers: described })
  const absent = { ...manifest, digest: `sha256:${'0'.repeat(64)}` }
  const manifests = [
    { ...absent, platform: { os: 'linux', architecture: arch === 'amd64' ? 'arm64' : 'amd64' } },
    { ...manifest, platform: { os: 'linux', architecture: arch } },
  ]
  const index = await writeDocument('index', { manifests })
  const annotations = { 'io.containerd.image.name': content.name }
  const layout = { schemaVersion: 2, manifests: [{ ...index, annotations }] }
  await writeFile(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
  await writeFile(join(folder, 'index.json'), JSON.stringify(layout))
  return pack(folder, ['oci-layout', 'index.json', 'blobs'])
}

interface WrittenLayers {
  folder: string
  // From the lowest on. A digest is the SHA-256 in hex.
  layers: { file: string; digest: string }[]
  // The image's configuration as JSON.
  config: string
}

async function writeLayers(
  staging: string,
  { name, programs, entrypoint, below }: ImageContent,
): Promise<WrittenLayers> {
  const folder = join(staging, basename(name))
  const bin = join(folder, 'root/usr/local/bin')
  await mkdir(bin, { recursive: true })
  for (const program of programs) await cp(program, join(bin, basename(program)))
  await run`tar ${reproducible} -C ${join(folder, 'root')} -cf ${join(folder, 'programs.tar')} usr`
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
  await run`tar ${reproducible} -C ${folder} -cf ${archive} ${parts}`
  await rm(folder, { recursive: true })
  return archive
}
