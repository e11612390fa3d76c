import { createCluster, setVersion, untilUpToDate } from '../management/clusters.ts'
import { discoveryFails, extension, setFault, untilDiscovered } from '../management/extension.ts'
import type { KubeObject } from '../management/kube.ts'
import { condition, containerOf, machinesOf } from '../management/machines.ts'
import { misbehave, rows } from '../management/misbehaviours.ts'
import type { Scenario, ScenarioRun } from '../management/scenario.ts'
import { until } from '../management/until.ts'
import type { Shape } from '../management/workload.ts'
import { shellIn } from '../witness/exec.ts'

type Condition = NonNullable<ReturnType<typeof condition>>

/** The scenario "fallback-target". */
export const fallbackTarget: Scenario = {
  on: 'management cluster',
  proves:
    'Each misbehaviour has the effect on Cluster API that the documentation describes, on its cluster alone, and when it ends the change is made.',
  async run(run) {
    const { name, cluster, site } = run
    const { from } = site.management
    const shape: Shape = { namespace: name, name: cluster, version: from, controlPlanes: 1, workers: 1 }
    await createCluster(run, shape)
    for (const { fault } of rows) await misbehave(run, shape, fault)
    await doneTooEarly(run, shape)
    await undiscovered(run)
  },
}

// UpdateMachine reports done although nothing was done. Only a version shows that.
async function doneTooEarly(run: ScenarioRun, shape: Shape): Promise<void> {
  const { kube, site, timeline, expect } = run
  const { from, to } = site.management
  await setVersion(kube, shape, 'control-plane', to)
  await untilUpToDate(kube, shape, 'control-plane', to, 900)
  await setFault(kube, shape, 'done-too-early')
  timeline.note('done-too-early: over')
  await setVersion(kube, shape, 'worker', to)
  const message = `* Node.status.nodeInfo.kubeletVersion ${from}, ${to} required`
  await until('UpToDate reports that the Node is not at the version', 120, async () => {
    const [worker] = await machinesOf(kube, shape.namespace, shape.name, 'worker')
    const upToDate = worker && condition(worker, 'UpToDate')
    const over = worker && condition(worker, 'Updating')?.status === 'False'
    return over && upToDate?.status === 'False' && upToDate.message?.includes(message)
  })
  const [worker] = await machinesOf(kube, shape.namespace, shape.name, 'worker')
  const kubelet = worker && (await shellIn(containerOf(worker), '/usr/bin/kubelet --version'))
  expect(kubelet === `Kubernetes ${from}`, `the worker has ${kubelet}`)
  await setFault(kube, shape, null)
}

// Set by the environment, because discovery requests carry no settings.
async function undiscovered({ kube, timeline, expect }: ScenarioRun): Promise<void> {
  timeline.note('discovery-fails: undiscovered')
  const config = () => kube.get<KubeObject & { status: { conditions: Condition[] } }>('extensionconfig', extension)
  try {
    await discoveryFails(kube, true)
    const found = await until('the ExtensionConfig is not Discovered', 120, async () => {
      const one = (await config()).status.conditions.find(({ type }) => type === 'Discovered')
      return one?.status === 'False' && one
    })
    expect(found.reason === 'NotDiscovered', `Discovered is False because of ${found.reason}`)
    expect(/misbehaviour discovery-fails/.test(found.message ?? ''), `the message is ${found.message}`)
  } finally {
    await discoveryFails(kube, false)
  }
  await untilDiscovered(kube)
}
