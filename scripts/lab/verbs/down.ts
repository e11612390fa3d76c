import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { timed } from '../../host/progress.ts'
import { interruptible } from '../../host/run.ts'
import { labCluster } from '../cluster/cluster.ts'
import { machines, machinesOn } from '../cluster/machines.ts'
import { removeManagement, workloadMachines } from '../cluster/workload.ts'
import { docker, removeContainers, tryDocker } from '../engine/docker.ts'
import { engineVersion, stopEngine } from '../engine/engine.ts'
import { hasNetwork } from '../engine/network.ts'
import { cache } from '../host/cache.ts'
import { forgetRelease, onDebianAsRoot } from '../host/debian.ts'
import { alone } from '../host/lock.ts'
import { kindNetwork, management, network, ours } from '../host/names.ts'

// Removes the clusters and everything on the network of the first; images and caches stay for the next time.
export function labDown(): Promise<void> {
  return interruptible(() => alone(removeLab))
}

async function removeLab() {
  if (!(await engineVersion())) return
  await machines(labCluster) // stops here when the cluster of this name is not ours
  if (await hasNetwork(network)) await timed(`removing ${network}`, () => removeNetwork(network))
  await rm(labCluster.kubeconfig, { force: true })
  await removeWithWorkload(management)
  await removeKindNetwork()
}

async function removeWithWorkload(name: string) {
  const found = [...(await machines({ name, network: kindNetwork })), ...(await workloadMachines(name))]
  if (found.length) await timed(`removing ${name} and what it made`, () => removeManagement(name))
  await rm(join(cache, `${name}.kubeconfig`), { force: true })
}

// Only if we made it, and not while anything is on it, running or not.
async function removeKindNetwork() {
  const isOurs = (await list('network ls --format {{.Name}}')).includes(kindNetwork)
  if (isOurs && !(await machinesOn(kindNetwork)).length) await docker(`network rm ${kindNetwork}`)
}

// Removes every lab, our images, the cache, and the engine if it was started by us.
export function labDownAll(): Promise<void> {
  return interruptible(() => alone(removeAll))
}

async function removeAll() {
  if (await engineVersion()) {
    await removeLab()
    for (const name of await managementClusters()) await removeWithWorkload(name)
    for (const name of await list('network ls --format {{.Name}}')) {
      if (name !== kindNetwork) await timed(`removing ${name}`, () => removeNetwork(name))
    }
    await removeContainers(await list('ps --all --quiet'))
    await removeKindNetwork()
    await timed('removing our images', removeImages)
  }
  await stopEngine()
  if (onDebianAsRoot()) await forgetRelease()
  await timed(`removing ${cache}`, () => rm(cache, { recursive: true, force: true }))
}

// Every management cluster that was begun and not removed has its kubeconfig in the cache.
async function managementClusters() {
  const files = await readdir(cache).catch(() => [])
  return files.flatMap((file) => /^(.+-management)\.kubeconfig$/.exec(file)?.[1] ?? [])
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
