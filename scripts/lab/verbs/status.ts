import { attempt } from '../../host/run.ts'
import { labCluster } from '../cluster/cluster.ts'
import type { KindCluster } from '../cluster/kind-cluster.ts'
import { machines } from '../cluster/machines.ts'
import { managementCluster } from '../cluster/management-cluster.ts'
import { workloadMachines } from '../cluster/workload.ts'
import { imageInputs, tryDocker } from '../engine/docker.ts'
import { engineVersion } from '../engine/engine.ts'
import { cache, isKept } from '../host/cache.ts'
import { management as managementName, nodeImage } from '../host/names.ts'
import { from, to } from '../host/versions.ts'

// Prints what is there and changes nothing; true when machines of the lab are there and all run.
export async function labStatus(): Promise<boolean> {
  const version = await engineVersion()
  row('engine', version ? `Docker ${version}` : 'none answers')
  row('cache', isKept(cache) ? `${cache}, ${await size()}` : 'empty')
  if (!version) return false
  for (const name of [nodeImage(from), nodeImage(to)]) row(name, await describe(name))
  const lab = await clusterStatus(labCluster)
  const management = await clusterStatus(managementCluster)
  for (const { cluster, name, state } of await workloadMachines(managementName))
    row(`  ${name}`, `${state}, of cluster ${cluster}`)
  return (lab ?? management ?? false) && lab !== false && management !== false
}

// Whether all its machines run; undefined when there are none.
async function clusterStatus(cluster: KindCluster): Promise<boolean | undefined> {
  const found = await machines(cluster)
  if (!found.length) return void row(`cluster ${cluster.name}`, 'missing')
  row(`cluster ${cluster.name}`, cluster.kubeconfig)
  for (const { name, state } of found) {
    const kubelet = await tryDocker(`exec ${name} kubelet --version`)
    row(`  ${name}`, [state, ...(kubelet ? [kubelet] : [])].join(', '))
  }
  return found.every(({ state }) => state === 'running')
}

async function describe(image: string) {
  const inputs = await imageInputs(image)
  return inputs === undefined ? 'missing' : inputs ? `built from ${inputs}` : 'not built here'
}

async function size() {
  return (await attempt('du', ['-sh', cache]))?.split('\t')[0] ?? 'of unknown size'
}

function row(name: string, value: string) {
  console.log(`${name.padEnd(40)}  ${value}`)
}
