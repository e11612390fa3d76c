import { attempt } from '../../host/subprocess.ts'
import type { KindCluster } from '../cluster/kind-cluster.ts'
import { labCluster } from '../cluster/lab-cluster.ts'
import { machines } from '../cluster/machines.ts'
import { managementCluster } from '../cluster/management-cluster.ts'
import { workloadMachines } from '../cluster/workload-machines.ts'
import { engineVersion } from '../engine/dockerd.ts'
import { imageInputs } from '../engine/images.ts'
import { ladder } from '../engine/ladder.ts'
import { cache, isKept } from '../host/cache.ts'
import { management, nodeImage } from '../host/names.ts'

/** Prints what exists of the lab and changes nothing. Resolves to true when there are machines and all of them run. */
export async function labStatus(): Promise<boolean> {
  const version = await engineVersion()
  row('engine', version ? `Docker ${version}` : 'does not answer')
  row('cache', isKept(cache) ? `${cache}, ${await cacheSize()}` : 'empty')
  if (!version) return false
  const { from, to } = await ladder()
  for (const name of [nodeImage(from), nodeImage(to)]) row(name, await imageState(name))
  const isLabRunning = await clusterStatus(labCluster)
  const isManagementRunning = await clusterStatus(managementCluster)
  for (const { cluster, name, state } of await workloadMachines(management)) {
    row(`  ${name}`, `${state}, of cluster ${cluster}`)
  }
  return (isLabRunning ?? isManagementRunning ?? false) && isLabRunning !== false && isManagementRunning !== false
}

// Whether all machines run; undefined when there are none.
async function clusterStatus(cluster: KindCluster): Promise<boolean | undefined> {
  const found = await machines(cluster)
  if (found.length === 0) {
    row(`cluster ${cluster.name}`, 'missing')
    return undefined
  }
  row(`cluster ${cluster.name}`, cluster.kubeconfig)
  for (const { name, state } of found) {
    const kubelet = await attempt`docker exec ${name} kubelet --version`
    row(`  ${name}`, [state, ...(kubelet ? [kubelet] : [])].join(', '))
  }
  return found.every(({ state }) => state === 'running')
}

async function imageState(image: string): Promise<string> {
  const inputs = await imageInputs(image)
  if (inputs === undefined) return 'missing'
  return inputs ? `built from ${inputs}` : 'not built by the lab'
}

async function cacheSize(): Promise<string> {
  return (await attempt`du -sh ${cache}`)?.split('\t')[0] ?? 'of unknown size'
}

function row(name: string, value: string): void {
  console.log(`${name.padEnd(40)}  ${value}`)
}
