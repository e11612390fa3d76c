import type { Way } from '../../scripts/docs/performance/results.ts'
import { enabled } from '../management/extension.ts'
import type { Kube } from '../management/kube.ts'
import { workloadOf } from '../management/kube.ts'
import { createOld, type MeasuredUpgrade, upgradeByRollout, upgradeInPlace } from '../management/measured-upgrade.ts'
import { runScenario } from '../management/run-scenario.ts'
import type { ScenarioRun } from '../management/scenario.ts'
import type { Site } from '../management/site.ts'
import { controlPlaneOf, type Shape } from '../management/workload.ts'
import type { Role } from '../witness/role.ts'
import { whileBusy } from './busy.ts'
import { upgradeByHand } from './by-hand.ts'
import type { Measure, Measurement } from './orchestrate.ts'
import { inPlaceTimes, replacementTimes, spansOf } from './times.ts'

const workers = 3

/** The measures of the ways that need a management cluster. They share one, which `site` sets up for the first of them. */
export function clusterMeasures(site: () => Promise<Site>): Record<Exclude<Way, 'single' | 'hooks'>, Measure> {
  return {
    'in-place': measured(site, 'in-place', enabled, async (run, shape) => {
      const { gaps } = await upgradeInPlace(run, shape)
      const machines = inPlaceTimes(run.timeline.entries, roleIn(shape))
      return { answers: gaps, machines, spans: spansOf(run.timeline.entries, machines) }
    }),
    rollout: measured(site, 'rollout', {}, async (run, shape) => {
      const { gaps }: MeasuredUpgrade = await upgradeByRollout(run, shape)
      return { answers: gaps, machines: replacementTimes(run.timeline.entries, roleIn(shape)) }
    }),
    kubeadm: measured(site, 'kubeadm', {}, upgradeByHand),
  }
}

// Measures an upgrade of a new cluster, in a namespace with these labels. The run fails when a check of the scenario fails.
function measured(
  site: () => Promise<Site>,
  way: Exclude<Way, 'single' | 'hooks'>,
  labels: Record<string, string>,
  upgrade: (run: ScenarioRun, shape: Shape) => Promise<Measurement>,
): Measure {
  return async ({ busy }) => {
    let found: Measurement | undefined
    const run = async (run: ScenarioRun) => {
      const shape = await createOld(run, labels, workers)
      const workload = await workloadOf(run.site.management, run.kube, shape)
      const before = await servingContainers(workload)
      const taken = await whileBusy(busy, () => upgrade(run, shape))
      const kept = new Set(await servingContainers(workload))
      const restarted = before.filter((one) => !kept.has(one)).map((one) => one.split(' ')[0] ?? '')
      run.expect(taken.machines?.length === shape.controlPlanes + workers, 'there is a machine without a time')
      found = { ...taken, restarted }
    }
    const { problems } = await runScenario(
      `bench-${way}`,
      { on: 'management cluster', proves: `The bench's way "${way}".`, run },
      await site(),
    )
    if (problems.length > 0 || !found) throw new Error(problems.join('; ') || 'nothing was measured')
    return found
  }
}

function roleIn({ name }: Shape): (machine: string) => Role {
  return (machine) => (machine.startsWith(controlPlaneOf(name)) ? 'control-plane' : 'worker')
}

interface Pod {
  metadata: { name: string }
  status: { containerStatuses?: { containerID: string; restartCount: number }[] }
}

// Name, container and restart count of each pod that is probed.
async function servingContainers(workload: Kube): Promise<string[]> {
  const pods = await workload.list<Pod>('pods', '-n=default', '-l=app=serving')
  return pods.map(({ metadata, status: { containerStatuses = [] } }) =>
    [metadata.name, ...containerStatuses.map(({ containerID, restartCount }) => `${containerID} ${restartCount}`)].join(
      ' ',
    ),
  )
}
