import { createCluster, setVersion, untilUpToDate } from '../management/clusters.ts'
import { wrongWith } from '../management/machine-problems.ts'
import { machinesOf, snapshots } from '../management/machines.ts'
import { withPort } from '../management/port-forward.ts'
import type { Scenario, ScenarioRun } from '../management/scenario.ts'
import { requestFor } from '../management/update-request.ts'
import type { Shape } from '../management/workload.ts'
import type { Json } from '../player/cluster-api.ts'
import { watchExecs } from '../witness/engine-execs.ts'
import { shellIn } from '../witness/exec.ts'
import { changes } from '../witness/verify.ts'

const limitSeconds = 1500

/** The scenario "neighbours". */
export const neighbours: Scenario = {
  on: 'management cluster',
  proves:
    'Two clusters on one engine are updated at the same time, each on its own; a request that names the container of the other, or another role or CA, is refused and changes nothing; a namespace that the ExtensionConfig does not select is rolled out.',
  async run(run) {
    const { name, site } = run
    const { from, prefix } = site.management
    const shape = (called: string): Shape => ({
      namespace: called,
      name: `${prefix}${called}`,
      version: from,
      controlPlanes: 1,
      workers: 1,
    })
    const [one, other] = [shape(name), shape(`${name}-other`)]
    const unselected = shape(`${name}-unselected`)
    await Promise.all([createCluster(run, one), createCluster(run, other), createCluster(run, unselected, {})])
    await refuseForged(run, one, other)
    await Promise.all([
      updateWorkers(run, one, true),
      updateWorkers(run, other, true),
      updateWorkers(run, unselected, false),
    ])
  },
}

// A control plane with one machine is always replaced. Its worker is then updated in place, or replaced where there is no
// updater.
async function updateWorkers({ kube, site, expect }: ScenarioRun, shape: Shape, isInPlace: boolean): Promise<void> {
  const { to } = site.management
  const execs = watchExecs(shape.name)
  const old = await machinesOf(kube, shape.namespace, shape.name)
  const before = await snapshots(old)
  await setVersion(kube, shape, 'control-plane', to)
  await untilUpToDate(kube, shape, 'control-plane', to, limitSeconds)
  await setVersion(kube, shape, 'worker', to)
  const workers = await untilUpToDate(kube, shape, 'worker', to, limitSeconds)
  const stayed = workers.every(({ metadata }) => old.some((was) => was.metadata.uid === metadata.uid))
  expect(stayed === isInPlace, `${shape.name}: the worker was ${stayed ? 'updated in place' : 'replaced'}`)
  const all = await machinesOf(kube, shape.namespace, shape.name)
  const compared = isInPlace ? before : await snapshots(all)
  for (const problem of await wrongWith(workers, compared, to, all)) expect(false, problem)
  const ran = await execs()
  if (!isInPlace) for (const line of ran) expect(false, `the updater ran a command in ${shape.name}: ${line}`)
}

// Sends genuine requests in which one field is forged.
async function refuseForged({ kube, site, expect, timeline }: ScenarioRun, one: Shape, other: Shape): Promise<void> {
  const [mine] = await machinesOf(kube, one.namespace, one.name, 'worker')
  const [theirs] = await machinesOf(kube, other.namespace, other.name, 'worker')
  const [theirControlPlane] = await machinesOf(kube, other.namespace, other.name, 'control-plane')
  if (!mine || !theirs || !theirControlPlane) throw new Error('A machine is missing.')
  const genuine = await requestFor(kube, mine, site.management.to)
  const before = await snapshots([theirs], [theirControlPlane])
  const cases = [
    {
      what: 'the container of another cluster',
      code: 'CONTAINER_OF_OTHER_CLUSTER',
      machine: theirs,
      cluster: one.name,
    },
    { what: 'a control plane container', code: 'CONTAINER_ROLE', machine: theirControlPlane, cluster: other.name },
    { what: 'a container with another CA', code: 'CONTAINER_CA', machine: theirs, cluster: other.name },
  ]
  await withPort(site, async (post) => {
    for (const { what, code, machine, cluster } of cases) {
      const request = structuredClone(genuine)
      Object.assign(request.desired.machine.spec, { providerID: machine.spec.providerID, clusterName: cluster })
      const answer = await post('UpdateMachine', 'update-machine', request as unknown as Json)
      timeline.note(`a forged request for ${what}: ${answer.status}, ${answer.message}`)
      const refused = answer.status === 'Failure' && String(answer.message).includes(`(${code})`)
      expect(refused, `a request for ${what} was not refused: ${JSON.stringify(answer)}`)
    }
  })
  const after = await snapshots([theirs], [theirControlPlane])
  for (const [container, was] of before) {
    const is = after.get(container)
    expect(is !== undefined, `${container} does not exist after a forged request`)
    for (const what of is ? changes(was, is) : []) expect(false, `${container}: ${what} changed by a forged request`)
    const state = await shellIn(container, 'ls -d /var/lib/capd-kubeadm-upgrader 2>/dev/null || true')
    expect(state === '', `${container} has the updater's state directory: ${state}`)
  }
}
