import { untilComplete } from '../management/clusters.ts'
import { wrongWith } from '../management/machine-problems.ts'
import { machinesOf, snapshots } from '../management/machines.ts'
import { createOld, upgradeInPlace } from '../management/measured-upgrade.ts'
import type { Scenario, ScenarioRun } from '../management/scenario.ts'
import { controlPlaneOf, type Shape, workersOf } from '../management/workload.ts'

/** The scenario "in-place". */
export const inPlace: Scenario = {
  on: 'management cluster',
  proves:
    'Three control plane machines and two workers go to the next minor version on the same machines; everything in them is at the target, kube-proxy and CoreDNS too; machines that are added afterwards come up at the target.',
  async run(run) {
    const shape = await createOld(run)
    await upgradeInPlace(run, shape)
    await scaleUp(run, { ...shape, version: run.site.management.to })
  },
}

async function scaleUp({ kube, timeline, site, expect }: ScenarioRun, shape: Shape) {
  const { to } = site.management
  const { namespace, name } = shape
  const old = new Set((await machinesOf(kube, namespace, name)).map(({ metadata }) => metadata.name))
  timeline.note('control plane to 5 machines, workers to 3')
  await kube.patch('kubeadmcontrolplane', controlPlaneOf(name), namespace, { spec: { replicas: 5 } })
  await kube.patch('machinedeployment', workersOf(name), namespace, { spec: { replicas: 3 } })
  const machines = await untilComplete(kube, { ...shape, controlPlanes: 5, workers: 3 }, 900)
  const added = machines.filter(({ metadata }) => !old.has(metadata.name))
  expect(added.length === 3, `${added.length} machines were added, not 3`)
  // New machines are compared with themselves: only their versions matter.
  for (const problem of await wrongWith(added, await snapshots(machines), to, machines)) expect(false, problem)
}
