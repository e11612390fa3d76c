import { cp, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { arch } from 'node:os'
import { join } from 'node:path'
import { run } from '../../host/subprocess.ts'
import type { ImageBuild } from '../engine/ensure-image.ts'
import { labelsWithInputs } from '../engine/labels.ts'
import { withStaging } from '../host/cache.ts'
import { inputsHash } from '../host/hash.ts'
import { debianHash, ensureDebianImage } from './debian-image.ts'
import { imageFiles } from './sources.ts'

const npmVersion = '11.19.1'
const files = join(imageFiles, 'node')
// The Node that scripts/bootstrap.mjs installs where the host's is too old.
const nodePackage = join(import.meta.dirname, '../../node')

/** The build of two images, by the names of their stages in image/node/Dockerfile: one with Node, and one that has npm too. */
export async function nodejsImagesBuild(names: { node: string; npm: string }): Promise<ImageBuild> {
  const settings = await npmSettings()
  const hash = await inputsHash({ debian: await debianHash(), npmVersion, settings }, files, nodePackage)
  return {
    hash,
    prepare: ensureDebianImage,
    build: () =>
      withStaging('node-base', async (staging) => {
        await fill(staging, settings)
        for (const [target, name] of Object.entries(names)) {
          await run`docker build ${labelsWithInputs(hash)} --target ${target} --tag ${name} ${staging}`
        }
      }),
  }
}

interface NpmSettings {
  registry: string
  // Certificates of CAs, as PEM; empty where npm needs none.
  bundle: string
}

// How npm reaches its registry on this host. A password is left out, because an image must not contain one.
async function npmSettings(): Promise<NpmSettings> {
  const [registry = '', file = ''] = await Promise.all(
    ['registry', 'cafile'].map((key) => run`npm config get ${key} --prefix ${nodePackage}`),
  )
  const bundle = file === 'null' ? process.env.NODE_EXTRA_CA_CERTS : file
  return { registry, bundle: bundle ? await readFile(bundle, 'utf8') : '' }
}

// Writes the context of image/node/Dockerfile.
async function fill(staging: string, { registry, bundle }: NpmSettings): Promise<void> {
  const packages = join(staging, 'packages')
  const bin = join(staging, 'files/usr/local/bin')
  const lib = join(staging, 'files/usr/local/lib/node_modules')
  const home = join(staging, 'files/root')
  await cp(files, staging, { recursive: true })
  await cp(nodePackage, packages, { recursive: true })
  await Promise.all([bin, lib, home].map((folder) => mkdir(folder, { recursive: true })))

  const npm = run({ cwd: packages })
  await npm`npm ci --no-progress`
  await npm`npm install --no-save --no-progress npm@${npmVersion}`
  await rename(join(packages, `node_modules/node-linux-${arch()}/bin/node`), join(bin, 'node'))
  await rename(join(packages, 'node_modules/npm'), join(lib, 'npm'))
  await writeFile(join(home, 'ca.crt'), bundle)
  await writeFile(join(home, '.npmrc'), `registry=${registry}\n${bundle && 'cafile=/root/ca.crt\n'}`)
}
