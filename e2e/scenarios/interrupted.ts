import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { createCluster, setVersion, untilUpToDate } from '../management/clusters.ts'
import { wrongWith } from '../management/machine-problems.ts'
import { condition, containerOf, type Machine, machinesOf, roleOf, snapshots } from '../management/machines.ts'
import type { Play, Scenario } from '../management/scenario.ts'
import { extension, system } from '../management/site.ts'
import { until } from '../management/until.ts'
import { healthCheck, type Shape } from '../management/workload.ts'
import { unitsOf } from '../recovery/steps.ts'
import { shellIn } from '../witness/exec.ts'

const limitSeconds = 3000
const awaySeconds = 60

export const interrupted: Scenario = {
  proves:
    "The extension's pods are deleted in every step of an update and it ends as if nothing had happened; so does one whose cluster's API is away for a minute. A Machine that is deleted in the middle is replaced. A health check leaves a machine alone that is being updated, and replaces one that is broken.",
  async play(play) {
    const { name, cluster, site, kube } = play
    const { from, to } = site.management
    const shape: Shape = { namespace: name, name: cluster, version: from, controlPlanes: 3, workers: 3 }
    await createCluster(play, shape)
    await kube.apply([healthCheck(shape)])
    const machines = await machinesOf(kube, name, cluster)
    const before = await snapshots(machines)
    await deletePodsInEveryStep(play, shape)
    const victim = await workersWhileDisturbed(play, shape)
    const now = await machinesOf(kube, name, cluster)
    const stayed = now.filter(({ metadata }) => machines.some((was) => was.metadata.uid === metadata.uid))
    play.expect(stayed.length === machines.length - 1, `${stayed.length} of ${machines.length} machines stayed`)
    play.expect(!stayed.some(({ metadata }) => metadata.name === victim), `${victim} was not replaced`)
    for (const problem of await wrongWith(stayed, before, to, now)) play.expect(false, problem)
    for (const machine of stayed) for (const problem of await startedOnce(machine)) play.expect(false, problem)
    await replaceBroken(play, shape)
  },
}

// On the control plane machines, one after the other as they are updated.
async function deletePodsInEveryStep(play: Play, shape: Shape): Promise<void> {
  const { kube, site, timeline, expect } = play
  const { to } = site.management
  const steps = new Set<string>()
  await setVersion(kube, shape, 'control-plane', to)
  let isDone = false
  const done = untilUpToDate(kube, shape, 'control-plane', to, limitSeconds).finally(() => {
    isDone = true
  })
  while (!isDone) {
    const step = (await stepsUnderWay(play, shape)).find((found) => !steps.has(found))
    if (step === undefined) {
      await sleep(500)
      continue
    }
    steps.add(step)
    timeline.note(`the extension's pods are deleted in "${step}"`)
    await kube.run(['delete', 'pods', `-n=${system}`, '--all', '--grace-period=0', '--force'])
    await kube.run(['rollout', 'status', `deployment/${extension}`, `-n=${system}`, '--timeout=110s'])
  }
  await done
  expect(steps.size >= 5, `only in ${steps.size} steps: ${[...steps].join(', ')}`)
}

// What the conditions of the machines say that is being done: "running kubeadm upgrade node".
async function stepsUnderWay({ kube }: Play, { namespace, name }: Shape): Promise<string[]> {
  const machines = await machinesOf(kube, namespace, name)
  return machines.flatMap((machine) => {
    const step = /: step \d+ of \d+, ([^:]+)/.exec(condition(machine, 'Updating')?.message ?? '')?.[1]
    return step === undefined ? [] : [step]
  })
}

// The first worker that is updated loses its cluster's API for a minute, the second one its Machine. Gives the latter.
async function workersWhileDisturbed(play: Play, shape: Shape): Promise<string> {
  const { kube, site, timeline } = play
  const { to } = site.management
  await setVersion(kube, shape, 'worker', to)
  const first = await nextUpdated(play, shape, [])
  const balancer = `${shape.name}-lb`
  timeline.note(`${balancer} is paused for ${awaySeconds} s while ${first} is updated`)
  await execa('docker', ['pause', balancer])
  await sleep(awaySeconds * 1000)
  await execa('docker', ['unpause', balancer])
  const second = await nextUpdated(play, shape, [first])
  timeline.note(`the Machine ${second} is deleted while it is updated`)
  await kube.run(['delete', 'machine', second, `-n=${shape.namespace}`, '--wait=false'])
  await untilUpToDate(kube, shape, 'worker', to, limitSeconds)
  return second
}

function nextUpdated({ kube }: Play, { namespace, name }: Shape, but: string[]): Promise<string> {
  return until('another worker is updated', 600, async () => {
    const workers = await machinesOf(kube, namespace, name, 'worker')
    const found = workers.find(
      (one) => condition(one, 'Updating')?.status === 'True' && !but.includes(one.metadata.name),
    )
    return found?.metadata.name
  })
}

// systemd's journal in the machine knows how often each unit began. Each machine was made for this scenario.
async function startedOnce(machine: Machine): Promise<string[]> {
  const container = containerOf(machine)
  const journal = await shellIn(
    container,
    "journalctl -o cat --no-pager _PID=1 | grep '^Started capd-kubeadm-upgrader-' || true",
  )
  const units = journal.split('\n').map((line) => line.replace(/^Started (\S+?)\.service.*/, '$1'))
  return unitsOf(roleOf(machine) === 'worker' ? 'worker' : 'together').flatMap((step) => {
    const count = units.filter((unit) => unit === `capd-kubeadm-upgrader-${step}`).length
    return count === 1 ? [] : [`${container}: the unit of ${step} was started ${count} times, not once`]
  })
}

// A kubelet that is stopped for good is what a health check is for.
async function replaceBroken(play: Play, shape: Shape): Promise<void> {
  const { kube, site, timeline, expect } = play
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
