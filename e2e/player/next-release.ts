import { coversAll, type Json } from './cluster-api.ts'

// How Cluster API v1.15 chooses between an update in place and another machine. v1.15 is not released and its modules do not
// resolve, so its choice is repeated here. Nothing of src/ is used.
// Source: Cluster API main at 0f32ac8d, controlplane/kubeadm/reconcilers/kubeadmcontrolplane/update.go (rollingUpdate), and
// core/reconcilers/machinedeployment/testdata/rollingupdate (in-place rollout, maxSurge 1, maxUnavailable 0).

/** A machine of a control plane as the hooks get it: the Machine, its KubeadmConfig and its infrastructure machine. */
export type MachineObjects = Record<'machine' | 'bootstrapConfig' | 'infrastructureMachine', Json>

/** A MachineSet as the hooks get it, with its two templates. */
export type MachineSetObjects = Record<'machineSet' | 'bootstrapConfigTemplate' | 'infrastructureMachineTemplate', Json>

/** A hook of in-place updates, whose response has the status Success. */
export type Hook = 'CanUpdateMachine' | 'CanUpdateMachineSet' | 'UpdateMachine'

/** How a rollout reaches the updater. */
export interface Updater {
  /** Calls a hook with the fields of a request besides its kind. Throws when the response is not a Success. */
  call(hook: Hook, fields: Json): Promise<Json>
  /** Waits as long as a response to UpdateMachine requests. */
  pause(seconds: number): Promise<void>
}

/** What a rollout of v1.15 made of its machines. */
export interface Rolled<Objects> {
  /** The objects of the machines afterwards. */
  objects: Objects[]
  /** How many machines were created. As many were deleted. */
  created: number
  /** What happened, one line each. */
  log: string[]
}

interface Verdict {
  covered: boolean
  affectsAvailability: boolean
}

/** The fields of a MachineDeployment that a rollout in place depends on. */
export interface DeploymentShape {
  replicas: number
  maxUnavailable: 0 | 1
}

/**
 * Rolls out a change of a control plane as v1.15's KubeadmControlPlane does. With as few machines as it may have, it asks
 * before it creates one, and creates none where the update does not affect availability.
 */
export async function rollControlPlane(
  machines: readonly MachineObjects[],
  maxSurge: 0 | 1,
  change: (objects: MachineObjects) => MachineObjects,
  updater: Updater,
): Promise<Rolled<MachineObjects>> {
  const replicas = machines.length
  const outdated = [...machines]
  const rolled: Rolled<MachineObjects> = { objects: [], created: 0, log: [] }
  const create = (desired: MachineObjects) => {
    rolled.objects.push(desired)
    rolled.created += 1
  }
  let last: MachineObjects | undefined
  for (let next = outdated[0]; next !== undefined; next = outdated[0]) {
    const desired = change(next)
    last = desired
    const { objects, log } = rolled
    const count = { replicas, maxSurge, existing: outdated.length + objects.length, upToDate: objects.length }
    const action = await controlPlaneAction(count, () => canUpdate('CanUpdateMachine', next, desired, rolled, updater))
    log.push(`${nameOf(next.machine)}: ${action}`)
    if (action === 'scale up') create(desired)
    else outdated.shift()
    if (action !== 'in place') continue
    await update(desired, updater)
    objects.push(desired)
  }
  // The last old machine has gone and the rollout is over, so this is the usual scale up.
  while (last && rolled.objects.length < replicas) create(last)
  return rolled
}

interface Count {
  replicas: number
  maxSurge: 0 | 1
  existing: number
  upToDate: number
}

async function controlPlaneAction(
  { replicas, maxSurge, existing, upToDate }: Count,
  ask: () => Promise<Verdict>,
): Promise<'in place' | 'scale up' | 'scale down'> {
  const least = replicas + maxSurge - 1
  if (upToDate >= replicas || existing > least + 1) return 'scale down'
  if (existing < least || existing < replicas) return 'scale up'
  const { covered, affectsAvailability } = await ask()
  if (existing > least) return covered ? 'in place' : 'scale down'
  return covered && !affectsAvailability ? 'in place' : 'scale up'
}

/**
 * Rolls out a change of a MachineDeployment with maxSurge 1 as v1.15 does. It asks once for all machines. One machine is new
 * where the update affects availability and none may be unavailable; all are new where the change is not covered.
 */
export async function rollDeployment(
  set: MachineSetObjects,
  { replicas, maxUnavailable }: DeploymentShape,
  change: (objects: MachineSetObjects) => MachineSetObjects,
  updater: Updater,
): Promise<Rolled<MachineSetObjects>> {
  const desired = change(set)
  const rolled: Rolled<MachineSetObjects> = { objects: [desired], created: 0, log: [] }
  const { covered, affectsAvailability } = await canUpdate('CanUpdateMachineSet', set, desired, rolled, updater)
  if (!covered) rolled.created = replicas
  else if (affectsAvailability && maxUnavailable === 0) rolled.created = 1
  rolled.log.push(`${nameOf(set.machineSet)}: ${replicas - rolled.created} in place, ${rolled.created} new`)
  return rolled
}

// The field is optional: without it an update affects availability.
async function canUpdate(hook: Hook, current: Json, desired: Json, { log }: { log: string[] }, updater: Updater) {
  const response = await updater.call(hook, { current, desired })
  const covered = coversAll({ current, desired }, response)
  const affectsAvailability = response.affectsAvailability !== false
  log.push(`${hook}: ${covered ? 'covered' : 'not covered'}, affectsAvailability ${affectsAvailability}`)
  return { covered, affectsAvailability }
}

async function update(desired: MachineObjects, updater: Updater): Promise<void> {
  for (;;) {
    const seconds = Number((await updater.call('UpdateMachine', { desired })).retryAfterSeconds)
    if (!(seconds > 0)) return
    await updater.pause(seconds)
  }
}

function nameOf(object: Json): string {
  return String((object.metadata as Json).name)
}
