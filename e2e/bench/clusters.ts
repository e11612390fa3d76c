import type { Way } from '../../scripts/docs/performance/results.ts'
import type { Kube } from '../management/kube.ts'
import { workloadOf } from '../management/kube.ts'
import { createOld, type Measured } from '../management/measured-upgrade.ts'
import { perform } from '../management/run-scenario.ts'
import type { Play } from '../management/scenario.ts'
import { enabled, type Site } from '../management/site.ts'
import { controlPlaneOf, type Shape } from '../management/workload.ts'
import { upgradeInPlace } from '../scenarios/in-place.ts'
import { upgradeByRollout } from '../scenarios/rollout.ts'
import type { Role } from '../witness/role.ts'
import { whileBusy } from './busy.ts'
import { upgradeByHand } from './by-hand.ts'
import type { Measure, Measurement } from './orchestrate.ts'
import { inPlaceTimes, replacementTimes, spansOf } from './times.ts'

const workers = 3

/** The ways that need a management cluster. The same site serves all of them; it is set up when the first one needs it. */
export function clusterMeasures(site: () => Promise<Site>): Record<Exclude<Way, 'single' | 'hooks'>, Measure> {
  return {
    'in-place': measured(site, 'in-place', enabled, async (play, shape) => {
      const { gaps } = await upgradeInPlace(play, shape)
      const machines = inPlaceTimes(play.timeline.moments, roleIn(shape))
      return { answers: gaps, machines, spans: spansOf(play.timeline.moments, machines) }
    }),
    rollout: measured(site, 'rollout', {}, async (play, shape) => {
      const { gaps }: Measured = await upgradeByRollout(play, shape)
      return { answers: gaps, machines: replacementTimes(play.timeline.moments, roleIn(shape)) }
    }),
    kubeadm: measured(site, 'kubeadm', {}, upgradeByHand),
  }
}

// A cluster of its own, in a namespace with the labels. What goes wrong in the scenario makes the run fail.
function measured(
  site: () => Promise<Site>,
  way: Exclude<Way, 'single' | 'hooks'>,
  labels: Record<string, string>,
  upgrade: (play: Play, shape: Shape) => Promise<Measurement>,
): Measure {
  return async ({ busy }) => {
    let found: Measurement | undefined
    const play = async (play: Play) => {
      const shape = await createOld(play, labels, workers)
      const workload = await workloadOf(play.site.management, play.kube, shape)
      const before = await servingContainers(workload)
      const taken = await whileBusy(busy, () => upgrade(play, shape))
      const kept = new Set(await servingContainers(workload))
      const restarted = before.filter((one) => !kept.has(one)).map((one) => one.split(' ')[0] ?? '')
      play.expect(taken.machines?.length === shape.controlPlanes + workers, 'not every machine has been timed')
      found = { ...taken, restarted }
    }
    const { problems } = await perform(`bench-${way}`, { proves: `The bench's way "${way}".`, play }, await site())
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

// Name, container and restarts of each pod that is asked.
async function servingContainers(workload: Kube): Promise<string[]> {
  const pods = await workload.list<Pod>('pods', '-n=default', '-l=app=serving')
  return pods.map(({ metadata, status: { containerStatuses = [] } }) =>
    [metadata.name, ...containerStatuses.map(({ containerID, restartCount }) => `${containerID} ${restartCount}`)].join(
      ' ',
    ),
  )
}
