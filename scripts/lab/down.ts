import { rm } from 'node:fs/promises'
import { cache } from './cache.ts'
import { kubeconfig } from './cluster.ts'
import { forgetRelease, onDebianAsRoot } from './debian.ts'
import { docker, removeContainers, tryDocker } from './docker.ts'
import { engineVersion, stopEngine } from './engine.ts'
import { alone } from './lock.ts'
import { machines } from './machines.ts'
import { network, ours } from './names.ts'
import { hasNetwork } from './network.ts'
import { timed } from './progress.ts'
import { interruptible } from './run.ts'

// Removes the cluster and everything on its network; images and caches stay for the next time.
export function labDown(): Promise<void> {
  return interruptible(() => alone(removeLab))
}

async function removeLab() {
  if (!(await engineVersion())) return
  await machines() // stops here when the cluster of this name is not ours
  if (await hasNetwork()) await timed(`removing ${network}`, () => removeNetwork(network))
  await rm(kubeconfig, { force: true })
}

// Removes every lab, our images, the cache, and the engine if it was started by us.
export function labDownAll(): Promise<void> {
  return interruptible(() => alone(removeAll))
}

async function removeAll() {
  if (await engineVersion()) {
    await removeLab()
    for (const name of await list('network ls --format {{.Name}}')) {
      await timed(`removing ${name}`, () => removeNetwork(name))
    }
    await removeContainers(await list('ps --all --quiet'))
    await timed('removing our images', removeImages)
  }
  await stopEngine()
  if (onDebianAsRoot()) await forgetRelease()
  await timed(`removing ${cache}`, () => rm(cache, { recursive: true, force: true }))
}

// A machine container has no label of ours, but only ours are on a network of ours.
async function removeNetwork(name: string) {
  const on = await docker(`ps --all --quiet --filter network=${name}`)
  await removeContainers(on.split('\n').filter(Boolean))
  await docker(`network rm ${name}`)
}

// An image may have lost its name to a newer one, and one may still be needed by a container that is not ours.
async function removeImages() {
  for (const id of await list('images --quiet --no-trunc')) {
    await tryDocker(`rmi --force ${id}`, [], { seconds: 120 })
  }
}

// What carries our label.
async function list(command: string) {
  const lines = await docker(`${command} --filter label=${ours}`)
  return [...new Set(lines.split('\n').filter(Boolean))]
}
