import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { createCluster, setVersion, untilUpToDate } from '../management/clusters.ts'
import { extension, system } from '../management/extension.ts'
import { wrongWith } from '../management/machine-problems.ts'
import { type CapiMachine, condition, containerOf, machinesOf, roleOf, snapshots } from '../management/machines.ts'
import type { Scenario, ScenarioRun } from '../management/scenario.ts'
import { until } from '../management/until.ts'
import { healthCheck, type Shape } from '../management/workload.ts'
import { unitsOf } from '../recovery/steps.ts'
import { shellIn } from '../witness/exec.ts'

const limitSeconds = 3000
const awaySeconds = 60

/** The scenario "interrupted". */
export const interrupted: Scenario = {
  on: 'management cluster',
  proves:
    "The extension's pods are deleted in every step of an update, and the update ends as if nothing had happened; so does an update whose cluster's API is away for a minute. A Machine that is deleted during its update is replaced. A MachineHealthCheck does not replace a machine that is being updated, and replaces one that is broken.",
  async run(run) {
    const { name, cluster, site, kube } = run
    const { from, to } = site.management
    const shape: Shape = { namespace: name, name: cluster, version: from, controlPlanes: 3, workers: 3 }
    await createCluster(run, shape)
    await kube.apply([healthCheck(shape)])
    const machines = await machinesOf(kube, name, cluster)
    const before = await snapshots(machines)
    await deletePodsInEveryStep(run, shape)
    const victim = await workersWhileDisturbed(run, shape)
    const now = await machinesOf(kube, name, cluster)
    const stayed = now.filter(({ metadata }) => machines.some((was) => was.metadata.uid === metadata.uid))
    run.expect(stayed.length === machines.length - 1, `${stayed.length} of ${machines.length} machines stayed`)
    run.expect(!stayed.some(({ metadata }) => metadata.name === victim), `${victim} was not replaced`)
    for (const problem of await wrongWith(stayed, before, to, now)) run.expect(false, problem)
    for (const machine of stayed) for (const problem of await startedOnce(machine)) run.expect(false, problem)
    await replaceBroken(run, shape)
  },
}

// Deletes the pods once in each step that a control plane machine reports.
async function deletePodsInEveryStep(run: ScenarioRun, shape: Shape): Promise<void> {
  const { kube, site, timeline, expect } = run
  const { to } = site.management
  const seen = new Set<string>()
  await setVersion(kube, shape, 'control-plane', to)
  let isDone = false
  const done = untilUpToDate(kube, shape, 'control-plane', to, limitSeconds).finally(() => {
    isDone = true
  })
  while (!isDone) {
    const step = (await stepsUnderWay(run, shape)).find((found) => !seen.has(found))
    if (step === undefined) {
      await sleep(500)
      continue
    }
    seen.add(step)
    timeline.note(`the extension's pods are deleted in "${step}"`)
    await kube.run(['delete', 'pods', `-n=${system}`, '--all', '--grace-period=0', '--force'])
    await kube.run(['rollout', 'status', `deployment/${extension}`, `-n=${system}`, '--timeout=110s'])
  }
  await done
  expect(seen.size >= 5, `the pods were deleted in ${seen.size} steps only: ${[...seen].join(', ')}`)
}

// The steps in the Updating conditions, for example "running kubeadm upgrade node".
async function stepsUnderWay({ kube }: ScenarioRun, { namespace, name }: Shape): Promise<string[]> {
  const machines = await machinesOf(kube, namespace, name)
  return machines.flatMap((machine) => {
    const step = /: step \d+ of \d+, ([^:]+)/.exec(condition(machine, 'Updating')?.message ?? '')?.[1]
    return step === undefined ? [] : [step]
  })
}

// While the first worker is updated the cluster's API is away for a minute; while the second one is, its Machine is deleted.
// Returns the name of the deleted Machine.
async function workersWhileDisturbed(run: ScenarioRun, shape: Shape): Promise<string> {
  const { kube, site, timeline } = run
  const { to } = site.management
  await setVersion(kube, shape, 'worker', to)
  const first = await nextUpdated(run, shape, [])
  const balancer = `${shape.name}-lb`
  timeline.note(`${balancer} is paused for ${awaySeconds} s while ${first} is updated`)
  await execa('docker', ['pause', balancer])
  await sleep(awaySeconds * 1000)
  await execa('docker', ['unpause', balancer])
  const second = await nextUpdated(run, shape, [first])
  timeline.note(`the Machine ${second} is deleted while it is updated`)
  await kube.run(['delete', 'machine', second, `-n=${shape.namespace}`, '--wait=false'])
  await untilUpToDate(kube, shape, 'worker', to, limitSeconds)
  return second
}

function nextUpdated({ kube }: ScenarioRun, { namespace, name }: Shape, but: string[]): Promise<string> {
  return until('another worker is updated', 600, async () => {
    const workers = await machinesOf(kube, namespace, name, 'worker')
    const found = workers.find(
      (one) => condition(one, 'Updating')?.status === 'True' && !but.includes(one.metadata.name),
    )
    return found?.metadata.name
  })
}

// Counts the starts of each unit in the machine's journal, which has no other upgrade: the machines are new.
async function startedOnce(machine: CapiMachine): Promise<string[]> {
  const container = containerOf(machine)
  const journal = await shellIn(
    container,
    "journalctl -o cat --no-pager _PID=1 | grep '^Started capd-kubeadm-upgrader-' || true",
  )
  const units = journal.split('\n').map((line) => line.replace(/^Started (\S+?)\.service.*/, '$1'))
  return unitsOf(roleOf(machine) === 'worker' ? 'worker' : 'together').flatMap((step) => {
    const count = units.filter((unit) => unit === `capd-kubeadm-upgrader-${step}`).length
    return count === 1 ? [] : [`${container}: the unit of ${step} started ${count} times, expected once`]
  })
}

// A MachineHealthCheck replaces a machine whose kubelet stays stopped.
async function replaceBroken(run: ScenarioRun, shape: Shape): Promise<void> {
  const { kube, site, timeline, expect } = run
  const { to } = site.management
  const before = await machinesOf(kube, shape.namespace, shape.name, 'worker')
  const [broken] = before
  if (!broken) throw new Error('There is no worker.')
  timeline.note(`the kubelet of ${broken.metadata.name} is stopped`)
  await shellIn(containerOf(broken), 'systemctl stop kubelet')
  await until('the broken machine is gone', 600, async () => {
    const now = await machinesOf(kube, shape.namespace, shape.name, 'worker')
    return now.every(({ metadata }) => metadata.uid !== broken.metadata.uid)
  })
  const now = await untilUpToDate(kube, shape, 'worker', to, 600)
  const kept = now.filter(({ metadata }) => before.some((was) => was.metadata.uid === metadata.uid))
  expect(kept.length === before.length - 1, `${before.length - kept.length} workers were replaced, not one`)
}
