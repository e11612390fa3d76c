import { shellIn } from '../witness/exec.ts'
import { setFiles, untilUpToDate } from './clusters.ts'
import { controllerLogs, declinesSince } from './controller-logs.ts'
import { setFault, system } from './extension.ts'
import { type CapiMachine, condition, containerOf, machinesOf } from './machines.ts'
import type { ScenarioRun } from './scenario.ts'
import { until } from './until.ts'
import type { Shape } from './workload.ts'

const limitSeconds = 300
const path = '/etc/lab/misbehaviour'

// The effect of a misbehaviour on Cluster API, as docs/reference/misbehaviours.md names it.
type Effect = 'rollout' | 'stall' | 'failed' | 'late' | 'waits' | 'gone'

/** The misbehaviours that are tested with a change of a file on a worker: all but done-too-early and discovery-fails. */
export const rows: { fault: string; leadsTo: Effect }[] = [
  { fault: 'decline', leadsTo: 'rollout' },
  { fault: 'decline:bootstrapConfig', leadsTo: 'rollout' },
  { fault: 'partial', leadsTo: 'rollout' },
  { fault: 'bad-patch', leadsTo: 'stall' },
  { fault: 'block:can-update', leadsTo: 'stall' },
  { fault: 'hang:can-update', leadsTo: 'stall' },
  { fault: 'malformed-json:can-update', leadsTo: 'stall' },
  { fault: 'wrong-status:can-update', leadsTo: 'stall' },
  { fault: 'block:update-machine', leadsTo: 'failed' },
  { fault: 'hang:update-machine', leadsTo: 'failed' },
  { fault: 'malformed-json:update-machine', leadsTo: 'failed' },
  { fault: 'wrong-status:update-machine:503', leadsTo: 'failed' },
  { fault: 'fail-at:files', leadsTo: 'failed' },
  { fault: 'slow', leadsTo: 'late' },
  { fault: 'never-done', leadsTo: 'waits' },
  { fault: 'crash-at:files', leadsTo: 'gone' },
]

/** Sets a misbehaviour, changes a file on the workers, expects its effect, and then expects that the change is made. */
export async function misbehave(run: ScenarioRun, shape: Shape, fault: string): Promise<void> {
  const { kube, timeline, expect } = run
  const row = rows.find((one) => one.fault === fault)
  if (!row) throw new Error(`There is no misbehaviour ${fault}.`)
  const before = await machinesOf(kube, shape.namespace, shape.name, 'worker')
  const since = new Date().toISOString()
  const restarts = await restartsOfExtension(run)
  await setFault(kube, shape, fault)
  timeline.note(`${fault}: ${row.leadsTo}`)
  const content = `${fault} ${since}\n`
  const template = `${shape.name}-${fault.replaceAll(':', '-').toLowerCase()}-${Date.now().toString(36)}`
  await setFiles(run, shape, 'worker', [{ path, content }], template)
  const misbehaviour = { run, shape, fault, before, since, restarts, content }
  await expectEffect[row.leadsTo](misbehaviour).catch((thrown: Error) => expect(false, `${fault}: ${thrown.message}`))
  await setFault(kube, shape, null)
  const after = await untilWritten(run, shape, content)
  const stayed = after.every(({ metadata }) => before.some((was) => was.metadata.uid === metadata.uid))
  expect(stayed === (row.leadsTo !== 'rollout'), `${fault}: the workers were ${stayed ? 'kept' : 'replaced'}`)
}

interface Misbehaviour {
  run: ScenarioRun
  shape: Shape
  fault: string
  before: CapiMachine[]
  since: string
  restarts: number
  content: string
}

// Waits for each effect.
const expectEffect: Record<Effect, (misbehaviour: Misbehaviour) => Promise<void>> = {
  async rollout({ run: { kube }, shape, since }) {
    await until('Cluster API logs why it does not update in place', 60, async () => {
      return (await declinesSince(kube, shape.namespace, since)).length > 0
    })
    // CanUpdateMachineSet is called only once, so the setting stays until the new machine exists.
    await untilUpToDate(kube, shape, 'worker', shape.version, limitSeconds)
  },
  async stall({ run, shape, before, since }) {
    await until('the reconcile of the MachineDeployment fails, twice', 120, async () => {
      const lines = await controllerLogs(run.kube, since)
      const errors = lines.filter((line) => line.includes(`MachineDeployment="${shape.namespace}/`))
      return errors.filter((line) => /"Reconciler error"/.test(line)).length >= 2
    })
    const now = await machinesOf(run.kube, shape.namespace, shape.name, 'worker')
    const same = now.map(specOf).join() === before.map(specOf).join()
    run.expect(same, 'the Machines changed although CanUpdateMachineSet failed')
  },
  failed: ({ run, shape }) =>
    untilUpdating(run, shape, ({ reason, message }) => {
      return (
        reason === 'InPlaceUpdateFailed' &&
        message === 'UpdateMachine hook failed: please check controller logs for errors'
      )
    }),
  async late({ run, shape, content }) {
    const begun = performance.now()
    await untilWritten(run, shape, content)
    const seconds = (performance.now() - begun) / 1000
    run.expect(seconds > 9, `slow: it took ${seconds.toFixed(1)} s, less than one slow answer`)
  },
  waits: ({ run, shape }) =>
    untilUpdating(run, shape, ({ reason, message = '' }) => {
      return reason === 'InPlaceUpdating' && message.includes('misbehaviour never-done: ')
    }),
  async gone({ run, restarts }) {
    await until('a pod of the extension was restarted', 120, async () => (await restartsOfExtension(run)) > restarts)
  },
}

type Condition = NonNullable<ReturnType<typeof condition>>

async function untilUpdating({ kube }: ScenarioRun, { namespace, name }: Shape, holds: (found: Condition) => boolean) {
  let last = ''
  await until(
    'the condition Updating has the expected reason',
    120,
    async () => {
      const workers = await machinesOf(kube, namespace, name, 'worker')
      const found = workers.map((worker) => condition(worker, 'Updating'))
      last = JSON.stringify(found)
      return found.some((one) => one !== undefined && holds(one))
    },
    async () => last,
  )
}

// Waits until the file is in every worker and every worker is up to date.
async function untilWritten({ kube }: ScenarioRun, shape: Shape, content: string): Promise<CapiMachine[]> {
  return until('the file is in every worker', limitSeconds, async () => {
    const workers = await untilUpToDate(kube, shape, 'worker', shape.version, limitSeconds)
    const texts = await Promise.all(workers.map((worker) => shellIn(containerOf(worker), `cat ${path}`)))
    return texts.every((text) => text === content.trimEnd()) && workers
  })
}

async function restartsOfExtension({ kube }: ScenarioRun): Promise<number> {
  interface Pod {
    status: { containerStatuses?: { restartCount: number }[] }
  }
  const pods = await kube.list<Pod>('pods', `-n=${system}`)
  return pods.flatMap(({ status }) => status.containerStatuses ?? []).reduce((sum, one) => sum + one.restartCount, 0)
}

function specOf({ metadata, spec }: CapiMachine): string {
  return JSON.stringify([metadata.uid, metadata.annotations, spec])
}
