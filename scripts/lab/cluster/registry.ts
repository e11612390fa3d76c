import { interruptible } from '../../host/run.ts'
import { UserError } from '../../host/user-error.ts'
import { registryImage } from '../build/registry-image.ts'
import { docker, imageInputs, labelledFrom, removeContainers, runContainerd, tryDocker } from '../engine/docker.ts'
import { hasNetwork } from '../engine/network.ts'
import { alone } from '../host/lock.ts'
import { arch, inputsLabel, network, nodeImage, registry } from '../host/names.ts'
import { need } from '../host/stage.ts'
import { to } from '../host/versions.ts'

// Where the machines find it.
const registryAddress = `${registry}:5000`

// containerd's folder for a registry; it is read at every pull, without a restart.
const hosts = '/etc/containerd/certs.d/registry.k8s.io'

// A registry on the machines' network that holds the images of the version to go to. The lab must be up.
export function registryUp(): Promise<string> {
  return interruptible(() =>
    alone(async () => {
      if (!(await hasNetwork(network))) throw new UserError('There are no machines.', 'npm run lab -- up')
      const image = await registryImage()
      await need({
        title: `registry ${registry} with the images of ${to}`,
        there: async () => ((await isRunning()) ? registry : undefined),
        make: () => start(image),
      })
      return registryAddress
    }),
  )
}

// Lets a machine take the images of registry.k8s.io from there.
export async function useRegistry(machine: string) {
  const input = `[host."http://${registryAddress}"]\n  capabilities = ["pull", "resolve"]\n`
  const write = `mkdir -p ${hosts} && cat >${hosts}/hosts.toml`
  await docker(`exec --interactive ${machine} sh -c`, [write], { input })
}

export async function leaveRegistry(machine: string) {
  await docker(`exec ${machine} rm -rf ${hosts}`)
}

async function isRunning() {
  const format = `{{ .State.Running }} {{ index .Config.Labels "${inputsLabel}" }}`
  const state = await tryDocker('container inspect --format', [format, registry])
  return state?.trim() === `true ${await filledFrom()}`
}

// What it is filled from: a pulled node image has no hash, its version says it all.
const filledFrom = async () => (await imageInputs(nodeImage(to))) || to

// It gets its name when it is full.
async function start(image: string) {
  const filling = `${registry}-filling`
  await removeContainers([registry, filling])
  const where = `--network ${network} --network-alias ${registry} --name ${filling}`
  await docker(`run --detach ${labelledFrom(await filledFrom())} ${where} ${image}`)
  await fill()
  await docker(`rename ${filling} ${registry}`)
  return registry
}

// The node image has all the images, under their names: its own containerd pushes them.
async function fill() {
  const source = `${registry}-source`
  try {
    await runContainerd(source, nodeImage(to), network)
    const list = await docker(`exec ${source} kubeadm config images list --kubernetes-version ${to}`)
    for (const name of list.split('\n')) {
      const pushed = name.replace('registry.k8s.io', registryAddress)
      const push = `images push --plain-http --platform linux/${arch} ${pushed} ${name}`
      await docker(`exec ${source} ctr --namespace k8s.io ${push}`)
    }
  } finally {
    await removeContainers([source])
  }
}
