import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { interruptible } from '../../host/interruption.ts'
import { withProgress } from '../../host/progress.ts'
import { attempt, run } from '../../host/subprocess.ts'
import { labCluster } from '../cluster/lab-cluster.ts'
import { machines, machinesOn } from '../cluster/machines.ts'
import { removeManagementCluster, workloadMachines } from '../cluster/workload-machines.ts'
import { removeContainers } from '../engine/containers.ts'
import { engineVersion, stopEngine } from '../engine/dockerd.ts'
import { hasNetwork } from '../engine/network.ts'
import { isRootOnDebian, removeSourceList } from '../host/apt.ts'
import { cache } from '../host/cache.ts'
import { withLabLock } from '../host/lock.ts'
import { kindNetwork, labLabel, management, network } from '../host/names.ts'

/**
 * Removes both clusters of the lab, everything on the network of the first, and every machine that the second has
 * created. Images and caches stay. Throws `UserError` when the cluster or the network belongs to someone else.
 */
export function labDown(): Promise<void> {
  return interruptible(() => withLabLock(removeLab))
}

async function removeLab(): Promise<void> {
  if (!(await engineVersion())) return
  // Throws when the cluster of this name is not the lab's.
  await machines(labCluster)
  if (await hasNetwork(network)) await withProgress(`removing ${network}`, () => removeNetwork(network))
  await rm(labCluster.kubeconfig, { force: true })
  await removeManagement(management)
  await removeKindNetwork()
}

async function removeManagement(name: string): Promise<void> {
  const found = [...(await machines({ name, network: kindNetwork })), ...(await workloadMachines(name))]
  if (found.length > 0) await withProgress(`removing ${name} and its machines`, () => removeManagementCluster(name))
  await rm(join(cache, `${name}.kubeconfig`), { force: true })
}

// The network stays when the lab has not created it, and while a container is on it.
async function removeKindNetwork(): Promise<void> {
  const isOurs = (await labNetworks()).includes(kindNetwork)
  if (isOurs && (await machinesOn(kindNetwork)).length === 0) await run`docker network rm ${kindNetwork}`
}

/** Removes every lab, its images, the cache, the two files in /etc/apt, and the engine if the lab started it. */
export function labDownAll(): Promise<void> {
  return interruptible(() => withLabLock(removeAll))
}

async function removeAll(): Promise<void> {
  if (await engineVersion()) {
    await removeLab()
    for (const name of await managementClusters()) await removeManagement(name)
    for (const name of await labNetworks()) {
      if (name !== kindNetwork) await withProgress(`removing ${name}`, () => removeNetwork(name))
    }
    await removeContainers(lines(await run`docker ps --all --quiet --filter label=${labLabel}`))
    await removeKindNetwork()
    await withProgress("removing the lab's images", removeImages)
  }
  await stopEngine()
  if (isRootOnDebian()) await removeSourceList()
  await withProgress(`removing ${cache}`, () => rm(cache, { recursive: true, force: true }))
}

// Every management cluster has its kubeconfig in the cache from before its creation until after its removal.
async function managementClusters(): Promise<string[]> {
  const files = await readdir(cache).catch(() => [])
  return files.flatMap((file) => /^(.+-management)\.kubeconfig$/.exec(file)?.[1] ?? [])
}

// kind does not label machines as the lab's, but all on a network of the lab are.
async function removeNetwork(name: string): Promise<void> {
  await removeContainers(lines(await run`docker ps --all --quiet --filter network=${name}`))
  await run`docker network rm ${name}`
}

// By their ids, because an image may have lost its name to a newer build. An image that a container of the user needs
// stays.
async function removeImages(): Promise<void> {
  for (const id of lines(await run`docker images --quiet --no-trunc --filter label=${labLabel}`)) {
    await attempt({ timeoutSeconds: 120 })`docker rmi --force ${id}`
  }
}

async function labNetworks(): Promise<string[]> {
  return lines(await run`docker network ls --format {{.Name}} --filter label=${labLabel}`)
}

function lines(output: string): string[] {
  return [...new Set(output.split('\n').filter(Boolean))]
}
