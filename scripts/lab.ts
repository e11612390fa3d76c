import { parseArgs } from 'node:util'
import { Interrupted, UserError } from './host/user-error.ts'
import { registryUp } from './lab/cluster/registry.ts'
import { checkImage } from './lab/verbs/check-image.ts'
import { labDown, labDownAll } from './lab/verbs/down.ts'
import { type Lab, labUp } from './lab/verbs/lab.ts'
import { type Management, managementUp } from './lab/verbs/management.ts'
import { labStatus } from './lab/verbs/status.ts'

const usage = `Usage: npm run lab -- <verb>

  up [--fresh]       make what is missing of engine, images and cluster; --fresh: with new machines
  management [--fresh]
                     the same for a cluster with Cluster API, which makes machines of its own; --fresh: with none
  status             say what is there; exit code 1 when no machines run
  down               remove the clusters and all their machines; images and caches stay
  down --all         remove every lab, our images, the cache, and the Docker engine if we started it
  registry           make a registry on the machines' network that has the new version's images
  check-image <ref>  test a machine image for everything that an upgrade takes for granted of it
  --help             show this

Everything is kept in $XDG_CACHE_HOME/capd-kubeadm-upgrader (by default below ~/.cache).
UPGRADER_LAB_CLUSTER=<name> gives a second lab beside the first, which is named upgrader-lab.`

interface Arguments {
  fresh: boolean
  all: boolean
  // The argument after the verb.
  image: string
}

interface Verb {
  // What it takes besides its name; all else is a mistake.
  takes: (keyof Arguments)[]
  // Resolves to the exit code.
  run: (given: Arguments) => Promise<number>
}

const verbs: Record<string, Verb> = {
  up: { takes: ['fresh'], run: async (given) => print(summary(await labUp(given))) },
  management: { takes: ['fresh'], run: async (given) => print(managementSummary(await managementUp(given))) },
  status: { takes: [], run: async () => exitCode(await labStatus()) },
  down: { takes: ['all'], run: async ({ all }) => (all ? labDownAll() : labDown()).then(() => 0) },
  registry: { takes: [], run: async () => print(`${await registryUp()} has the images of registry.k8s.io.`) },
  'check-image': { takes: ['image'], run: async ({ image }) => exitCode(await checkImage(image)) },
}

const options = { fresh: { type: 'boolean' }, all: { type: 'boolean' }, help: { type: 'boolean' } } as const

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof UserError)) throw error
  console.error(`\n${error.message}`)
  process.exitCode = error instanceof Interrupted ? 130 : 1
}

async function main(args: string[]): Promise<number> {
  let parsed: ReturnType<typeof parseArgs<{ options: typeof options; allowPositionals: true }>>
  try {
    parsed = parseArgs({ args, options, allowPositionals: true })
  } catch (error) {
    return wrong((error as Error).message)
  }
  const { help, fresh = false, all = false } = parsed.values
  const [name, image = '', ...more] = parsed.positionals
  if (help) return print(usage)
  if (!name) return wrong('A verb is missing.')
  const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined
  if (!verb) return wrong(`There is no verb "${name}".`)
  const mistake = more.length > 0 ? tooMany(name, more) : mistakeIn(name, verb, { fresh, all, image })
  return mistake ? wrong(mistake) : verb.run({ fresh, all, image })
}

function tooMany(name: string, more: string[]): string {
  return `"${name}" takes no "${more[0]}".`
}

// What is wrong about the arguments of a verb, if anything is.
function mistakeIn(name: string, { takes }: Verb, { fresh, all, image }: Arguments): string | undefined {
  if (takes.includes('image') && !image) return `"${name}" needs the name of an image.`
  if (image && !takes.includes('image')) return tooMany(name, [image])
  if (fresh && !takes.includes('fresh')) return '--fresh belongs to "up" and "management".'
  if (all && !takes.includes('all')) return '--all belongs to "down".'
  return undefined
}

function exitCode(isWell: boolean): number {
  return isWell ? 0 : 1
}

function summary({ from, controlPlane, worker, kubeconfig }: Lab) {
  return `Machines ${controlPlane} and ${worker}, made with ${from}\nexport KUBECONFIG=${kubeconfig}`
}

function managementSummary({ controlPlane, network, kubeconfig, kubectl }: Management) {
  const what = `Machine ${controlPlane} with Cluster API, which makes its machines on the Docker network ${network}`
  return `${what}\nexport KUBECONFIG=${kubeconfig}\nalias kubectl=${kubectl}`
}

function print(text: string) {
  console.log(text)
  return 0
}

function wrong(what: string) {
  console.error(`${what}\n\n${usage}`)
  return 2
}
