import { interruptible } from '../../host/interruption.ts'
import { attempt, run } from '../../host/subprocess.ts'
import { UserError } from '../../host/user-error.ts'
import { removeContainers, runContainerd } from '../engine/containers.ts'
import { imageInputs } from '../engine/images.ts'
import { labelsWithInputs } from '../engine/labels.ts'
import { ladder } from '../engine/ladder.ts'
import { hasNetwork } from '../engine/network.ts'
import { withLabLock } from '../host/lock.ts'
import { arch, inputsLabel, network, nodeImage, registry } from '../host/names.ts'
import { ensure } from '../host/prerequisite.ts'
import { registryImage } from './images.ts'

// The address for machines.
const registryAddress = `${registry}:5000`

// containerd's folder for a registry. It is read at every pull, without a restart.
const hosts = '/etc/containerd/certs.d/registry.k8s.io'

/**
 * Ensures a registry on the machines' network with the images of the version to upgrade to, and resolves to its address.
 * Throws `UserError` when the lab is not up.
 */
export function registryUp(): Promise<string> {
  return interruptible(() =>
    withLabLock(async () => {
      if (!(await hasNetwork(network))) throw new UserError('There are no machines.', 'npm run lab -- up')
      const image = await registryImage()
      const { to } = await ladder()
      await ensure({
        title: `registry ${registry} with the images of ${to}`,
        find: async () => ((await isRunning(to)) ? registry : undefined),
        create: () => start(image, to),
      })
      return registryAddress
    }),
  )
}

/** Makes the registry the mirror of registry.k8s.io on a machine. */
export async function useRegistry(machine: string): Promise<void> {
  const input = `[host."http://${registryAddress}"]\n  capabilities = ["pull", "resolve"]\n`
  const write = `mkdir -p ${hosts} && cat >${hosts}/hosts.toml`
  await run({ input })`docker exec --interactive ${machine} sh -c ${write}`
}

/** Undoes `useRegistry`. */
export async function leaveRegistry(machine: string): Promise<void> {
  await run`docker exec ${machine} rm -rf ${hosts}`
}

async function isRunning(version: string): Promise<boolean> {
  const format = `{{ .State.Running }} {{ index .Config.Labels "${inputsLabel}" }}`
  const state = await attempt`docker container inspect --format ${format} ${registry}`
  return state?.trim() === `true ${await contentHash(version)}`
}

// The node image whose images it has. A pulled one has no hash, and its version is enough.
async function contentHash(version: string): Promise<string> {
  return (await imageInputs(nodeImage(version))) || version
}

async function start(image: string, version: string): Promise<string> {
  // It gets its name when it has all images.
  const filling = `${registry}-filling`
  await removeContainers([registry, filling])
  const flags = ['--network', network, '--network-alias', registry, '--name', filling]
  await run`docker run --detach ${labelsWithInputs(await contentHash(version))} ${flags} ${image}`
  await fill(version)
  await run`docker rename ${filling} ${registry}`
  return registry
}

// The node image has the images by their names, so its own containerd pushes them. An image for several architectures has
// the content of one: its client pushes that, while the transfer service of containerd 2 fails.
async function fill(version: string): Promise<void> {
  const source = `${registry}-source`
  try {
    await runContainerd(source, nodeImage(version), network)
    const required = await run`docker exec ${source} kubeadm config images list --kubernetes-version ${version}`
    const ctr = ['ctr', '--namespace', 'k8s.io', 'images']
    const present = (await run`docker exec ${source} ${ctr} list --quiet`).split('\n')
    const flags = ['--local', '--plain-http', '--platform', `linux/${arch}`]
    for (const name of required.split('\n')) {
      const pushed = name.replace('registry.k8s.io', registryAddress)
      await run`docker exec ${source} ${ctr} push ${flags} ${pushed} ${sourceOf(name, present)}`
    }
  } finally {
    await removeContainers([source])
  }
}

// The pause image is containerd's, whichever kubeadm requires.
function sourceOf(name: string, present: string[]): string {
  if (!name.includes('/pause:') || present.includes(name)) return name
  return present.find((other) => other.includes('/pause:')) ?? name
}
