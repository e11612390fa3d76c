import { createCluster, setVersion, untilUpToDate } from '../management/clusters.ts'
import { controllersSaid, declinedSince } from '../management/controller-logs.ts'
import type { KubeObject } from '../management/kube.ts'
import { condition, containerOf, type Machine, machinesOf } from '../management/machines.ts'
import type { Play, Scenario } from '../management/scenario.ts'
import { askForFault, discoveryFails, extension, system, untilDiscovered } from '../management/site.ts'
import { until } from '../management/until.ts'
import type { Shape } from '../management/workload.ts'
import { shellIn } from '../witness/exec.ts'
import { setFiles } from './files.ts'

const limitSeconds = 300
const path = '/etc/lab/misbehaviour'

// What Cluster API does about a misbehaviour, in the words of docs/misbehaviours.md.
type Then = 'rollout' | 'stall' | 'failed' | 'late' | 'waits' | 'gone'

// Each row of the table there but two, which have functions of their own below; with a file on a worker as the change.
export const rows: { fault: string; leadsTo: Then }[] = [
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

export const fallbackTarget: Scenario = {
  proves:
    'Each misbehaviour does to Cluster API what docs/misbehaviours.md says, to the cluster that it is meant for, and when it is over the change goes through.',
  async play(play) {
    const { name, cluster, site } = play
    const { from } = site.management
    const shape: Shape = { namespace: name, name: cluster, version: from, controlPlanes: 1, workers: 1 }
    await createCluster(play, shape)
    for (const { fault } of rows) await misbehave(play, shape, fault)
    await doneTooEarly(play, shape)
    await undiscovered(play)
  },
}

// Asks for one misbehaviour, changes a file on the workers, sees what the table says, and sees the change through.
export async function misbehave(play: Play, shape: Shape, fault: string): Promise<void> {
  const { kube, timeline, expect } = play
  const row = rows.find((one) => one.fault === fault)
  if (!row) throw new Error(`The table has no ${fault}.`)
  const before = await machinesOf(kube, shape.namespace, shape.name, 'worker')
  const since = new Date().toISOString()
  const restarts = await restartsOfExtension(play)
  await askForFault(kube, shape, fault)
  timeline.note(`${fault}: ${row.leadsTo}`)
  const content = `${fault} ${since}\n`
  const template = `${shape.name}-${fault.replaceAll(':', '-').toLowerCase()}-${Date.now().toString(36)}`
  await setFiles(play, shape, 'worker', [{ path, content }], template)
  const seen = { play, shape, fault, before, since, restarts, content }
  await shows[row.leadsTo](seen).catch((thrown: Error) => expect(false, `${fault}: ${thrown.message}`))
  await askForFault(kube, shape, null)
  const after = await untilWritten(play, shape, content)
  const stayed = after.every(({ metadata }) => before.some((was) => was.metadata.uid === metadata.uid))
  expect(stayed === (row.leadsTo !== 'rollout'), `${fault}: the workers were ${stayed ? 'kept' : 'replaced'}`)
}

interface Seen {
  play: Play
  shape: Shape
  fault: string
  before: Machine[]
  since: string
  restarts: number
  content: string
}

// What has to be seen while the misbehaviour lasts.
const shows: Record<Then, (seen: Seen) => Promise<void>> = {
  async rollout({ play: { kube }, shape, since }) {
    await until('Cluster API says why it does not update in place', 60, async () => {
      return (await declinedSince(kube, shape.namespace, since)).length > 0
    })
    // The setting has to stay until the new machine is there: the question comes only once.
    await untilUpToDate(kube, shape, 'worker', shape.version, limitSeconds)
  },
  async stall({ play, shape, before, since }) {
    await until('the reconcile of the MachineDeployment fails, twice', 120, async () => {
      const lines = await controllersSaid(play.kube, since)
      const errors = lines.filter((line) => line.includes(`MachineDeployment="${shape.namespace}/`))
      return errors.filter((line) => /"Reconciler error"/.test(line)).length >= 2
    })
    const now = await machinesOf(play.kube, shape.namespace, shape.name, 'worker')
    const same = now.map(specOf).join() === before.map(specOf).join()
    play.expect(same, `the Machines changed although nothing could be decided`)
  },
  failed: ({ play, shape }) =>
    untilUpdatingSays(play, shape, ({ reason, message }) => {
      return (
        reason === 'InPlaceUpdateFailed' &&
        message === 'UpdateMachine hook failed: please check controller logs for errors'
      )
    }),
  async late({ play, shape, content }) {
    const begun = performance.now()
    await untilWritten(play, shape, content)
    const seconds = (performance.now() - begun) / 1000
    play.expect(seconds > 9, `slow: it took ${seconds.toFixed(1)} s, less than one slow answer`)
  },
  waits: ({ play, shape }) =>
    untilUpdatingSays(play, shape, ({ reason, message = '' }) => {
      return reason === 'InPlaceUpdating' && message.includes('misbehaviour never-done: ')
    }),
  async gone({ play, restarts }) {
    await until('a pod of the extension was restarted', 120, async () => (await restartsOfExtension(play)) > restarts)
  },
}

// A worker that is told to be done when nothing was done: only a version shows it.
async function doneTooEarly(play: Play, shape: Shape): Promise<void> {
  const { kube, site, timeline, expect } = play
  const { from, to } = site.management
  await setVersion(kube, shape, 'control-plane', to)
  await untilUpToDate(kube, shape, 'control-plane', to, 900)
  await askForFault(kube, shape, 'done-too-early')
  timeline.note('done-too-early: over')
  await setVersion(kube, shape, 'worker', to)
  const message = `* Node.status.nodeInfo.kubeletVersion ${from}, ${to} required`
  await until('UpToDate says that the Node is not at the version', 120, async () => {
    const [worker] = await machinesOf(kube, shape.namespace, shape.name, 'worker')
    const upToDate = worker && condition(worker, 'UpToDate')
    const over = worker && condition(worker, 'Updating')?.status === 'False'
    return over && upToDate?.status === 'False' && upToDate.message?.includes(message)
  })
  const [worker] = await machinesOf(kube, shape.namespace, shape.name, 'worker')
  const kubelet = worker && (await shellIn(containerOf(worker), '/usr/bin/kubelet --version'))
  expect(kubelet === `Kubernetes ${from}`, `the worker has ${kubelet}`)
  await askForFault(kube, shape, null)
}

// Asked for by the environment, because discovery carries no settings.
async function undiscovered({ kube, site, timeline, expect }: Play): Promise<void> {
  timeline.note('discovery-fails: undiscovered')
  const config = () => kube.get<KubeObject & { status: { conditions: Condition[] } }>('extensionconfig', extension)
  try {
    await discoveryFails(site, true)
    const found = await until('the ExtensionConfig is not Discovered', 120, async () => {
      const one = (await config()).status.conditions.find(({ type }) => type === 'Discovered')
      return one?.status === 'False' && one
    })
    expect(found.reason === 'NotDiscovered', `Discovered is False because of ${found.reason}`)
    expect(/misbehaviour discovery-fails/.test(found.message ?? ''), `the message is ${found.message}`)
  } finally {
    await discoveryFails(site, false)
  }
  await untilDiscovered(kube)
}

type Condition = NonNullable<ReturnType<typeof condition>>

async function untilUpdatingSays({ kube }: Play, { namespace, name }: Shape, holds: (found: Condition) => boolean) {
  let last = ''
  await until(
    'the condition Updating says so',
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

// The file is in every worker, and every worker is up to date.
async function untilWritten({ kube }: Play, shape: Shape, content: string): Promise<Machine[]> {
  return until('the file is in every worker', limitSeconds, async () => {
    const workers = await untilUpToDate(kube, shape, 'worker', shape.version, limitSeconds)
    const texts = await Promise.all(workers.map((worker) => shellIn(containerOf(worker), `cat ${path}`)))
    return texts.every((text) => text === content.trimEnd()) && workers
  })
}

async function restartsOfExtension({ kube }: Play): Promise<number> {
  interface Pod {
    status: { containerStatuses?: { restartCount: number }[] }
  }
  const pods = await kube.list<Pod>('pods', `-n=${system}`)
  return pods.flatMap(({ status }) => status.containerStatuses ?? []).reduce((sum, one) => sum + one.restartCount, 0)
}

function specOf({ metadata, spec }: Machine): string {
  return JSON.stringify([metadata.uid, metadata.annotations, spec])
}
