import { setTimeout as sleep } from 'node:timers/promises'
import type { Json } from '../player/cluster-api.ts'
import {
  type Hook,
  type MachineObjects,
  type MachineSetObjects,
  rollControlPlane,
  rollDeployment,
  type Updater,
} from '../player/next-release.ts'
import type { ApiObject, Kube } from './kube.ts'
import { machinesOf } from './machines.ts'
import { type Post, withPort } from './port-forward.ts'
import type { ScenarioRun } from './scenario.ts'
import type { ClusterShape, File } from './workload.ts'

const core = 'cluster.x-k8s.io'

interface MachineSet extends ApiObject {
  spec: {
    replicas: number
    template: { spec: { bootstrap: { configRef: { name: string } }; infrastructureRef: { name: string } } }
  }
}

/**
 * Plays Cluster API v1.15's choice between an update in place and another machine, on copies of a cluster's objects and with
 * the installed extension: changes of files with maxSurge 1, and no worker unavailable. The cluster stays as it is.
 */
export async function filesUnderNextRelease(
  { kube, site, timeline, expect, figure }: ScenarioRun,
  shape: ClusterShape,
  changes: readonly File[][],
  settings: Json,
): Promise<void> {
  let machines = await controlPlaneObjects(kube, shape)
  let set = await workerObjects(kube, shape)
  const { replicas } = set.machineSet.spec as MachineSet['spec']
  let created = 0
  await withPort(site, async (post) => {
    const updater = updaterOn(post, settings)
    for (const files of changes) {
      const change = <Objects extends MachineObjects>(objects: Objects) => withFiles(objects, 'bootstrapConfig', files)
      const changeSet = (objects: MachineSetObjects) => withFiles(objects, 'bootstrapConfigTemplate', files)
      const rolled = await rollControlPlane(machines, 1, change, updater)
      const rolledSet = await rollDeployment(set, { replicas, maxUnavailable: 0 }, changeSet, updater)
      for (const line of [...rolled.log, ...rolledSet.log]) timeline.note(`as v1.15: ${line}`)
      created += rolled.created + rolledSet.created
      machines = rolled.objects
      set = rolledSet.objects[0] ?? set
    }
  })
  figure(`as v1.15, ${changes.length} changes of files with maxSurge 1: machines created`, String(created))
  expect(created === 0, `as v1.15, ${created} machines are created for changes of files`)
}

const handlers: Record<Hook, string> = {
  CanUpdateMachine: 'can-update-machine',
  CanUpdateMachineSet: 'can-update-machineset',
  UpdateMachine: 'update-machine',
}

function updaterOn(post: Post, settings: Json): Updater {
  return {
    async call(hook, fields) {
      const request = { apiVersion: 'hooks.runtime.cluster.x-k8s.io/v1alpha1', kind: `${hook}Request`, settings }
      const response = await post(hook, handlers[hook], { ...request, ...fields })
      if (response.status !== 'Success') throw new Error(`${hook}: ${response.message}`)
      return response
    },
    pause: (seconds) => sleep(seconds * 1000),
  }
}

async function controlPlaneObjects(kube: Kube, { namespace, name }: ClusterShape): Promise<MachineObjects[]> {
  const where = `-n=${namespace}`
  const machines = await machinesOf(kube, namespace, name, 'control-plane')
  return Promise.all(
    machines.map(async (machine) => ({
      machine: sent(machine),
      bootstrapConfig: sent(await kube.get('kubeadmconfig', machine.spec.bootstrap.configRef.name, where)),
      infrastructureMachine: sent(await kube.get('devmachine', machine.metadata.name, where)),
    })),
  )
}

async function workerObjects(kube: Kube, { namespace, name }: ClusterShape): Promise<MachineSetObjects> {
  const where = `-n=${namespace}`
  const sets = await kube.list<MachineSet>('machinesets', where, `-l=${core}/cluster-name=${name}`)
  const set = sets.find(({ spec }) => spec.replicas > 0)
  if (!set) throw new Error(`${name} has no MachineSet with machines.`)
  const { bootstrap, infrastructureRef } = set.spec.template.spec
  return {
    machineSet: sent(set),
    bootstrapConfigTemplate: sent(await kube.get('kubeadmconfigtemplate', bootstrap.configRef.name, where)),
    infrastructureMachineTemplate: sent(await kube.get('devmachinetemplate', infrastructureRef.name, where)),
  }
}

// An object as Cluster API sends it: without its status and what the API adds to its metadata.
function sent({ apiVersion, kind, metadata, spec }: ApiObject): Json {
  const { name, namespace, labels = {}, annotations = {} } = metadata
  return { apiVersion, kind, metadata: { name, namespace, labels, annotations }, spec }
}

function withFiles<Objects extends Record<string, Json>>(
  objects: Objects,
  object: keyof Objects & string,
  files: File[],
): Objects {
  const changed = structuredClone(objects)
  const spec = changed[object]?.spec as Json
  const holder = object === 'bootstrapConfig' ? spec : ((spec.template as Json).spec as Json)
  holder.files = files
  return changed
}
