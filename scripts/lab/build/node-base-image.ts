import { cp, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { arch } from 'node:os'
import { join } from 'node:path'
import { run } from '../../host/run.ts'
import { canPull, docker, imageInputs, labelledFrom, pull } from '../engine/docker.ts'
import { imageFiles, inputsHash, withStaging } from '../host/cache.ts'
import { need } from '../host/stage.ts'
import { debianHash, debianImage } from './debian-image.ts'

// The images that the repository's Dockerfile is built on: one with Node, and one that has npm, too.
export interface NodeImages {
  node: string
  npm: string
}

const built = { node: 'capd-kubeadm-upgrader/node', npm: 'capd-kubeadm-upgrader/npm' }
const npmVersion = '11.19.1'
const root = join(import.meta.dirname, '../../..')
const files = join(imageFiles, 'node')
// Node itself: the one that scripts/bootstrap.mjs installs where the host's is too old.
const program = join(root, 'scripts/node')

// Node's own image where the engine has it or a registry answers, else ours.
export async function nodeImages(): Promise<NodeImages> {
  const published = await publishedName()
  const settings = await npmSettings()
  const hash = await inputsHash({ debian: await debianHash(), npmVersion, settings }, files, program)
  return need({
    title: 'images of Node and npm',
    there: async () => {
      if ((await imageInputs(published)) !== undefined) return { node: published, npm: published }
      const inputs = await Promise.all(Object.values(built).map(imageInputs))
      return inputs.every((found) => found === hash) ? built : undefined
    },
    needs: async () => ((await canPull(published)) ? undefined : debianImage()),
    make: async (debian) => {
      if (debian) await withStaging('node-base', (staging) => build(staging, settings, hash))
      else await pull(published)
      return debian ? built : { node: published, npm: published }
    },
  })
}

async function publishedName(): Promise<string> {
  const dockerfile = await readFile(join(root, 'Dockerfile'), 'utf8')
  return /^ARG NODE_IMAGE=(.+)$/m.exec(dockerfile)?.[1] ?? ''
}

// How npm finds its registry on this host. A password stays here: it has no business in an image.
async function npmSettings() {
  const [registry = '', file = ''] = await Promise.all(
    ['registry', 'cafile'].map((key) => run('npm', ['config', 'get', key, '--prefix', program])),
  )
  const bundle = file === 'null' ? process.env.NODE_EXTRA_CA_CERTS : file
  return { registry, bundle: bundle ? await readFile(bundle, 'utf8') : '' }
}

async function build(staging: string, { registry, bundle }: Awaited<ReturnType<typeof npmSettings>>, hash: string) {
  const packages = join(staging, 'packages')
  const [bin, lib, home] = ['usr/local/bin', 'usr/local/lib/node_modules', 'root'].map((folder) =>
    join(staging, 'files', folder),
  ) as [string, string, string]
  await cp(files, staging, { recursive: true })
  await cp(program, packages, { recursive: true })
  await Promise.all([bin, lib, home].map((folder) => mkdir(folder, { recursive: true })))

  await run('npm', ['ci', '--no-progress'], { cwd: packages })
  await run('npm', ['install', '--no-save', '--no-progress', `npm@${npmVersion}`], { cwd: packages })
  await rename(join(packages, `node_modules/node-linux-${arch()}/bin/node`), join(bin, 'node'))
  await rename(join(packages, 'node_modules/npm'), join(lib, 'npm'))
  await writeFile(join(home, 'ca.crt'), bundle)
  await writeFile(join(home, '.npmrc'), `registry=${registry}\n${bundle && 'cafile=/root/ca.crt\n'}`)
  for (const [target, name] of Object.entries(built)) {
    await docker(`build ${labelledFrom(hash)} --target ${target} --tag ${name}`, [staging])
  }
}
