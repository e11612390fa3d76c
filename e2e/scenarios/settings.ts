import { type CapiMachine, containerOf, machinesOf } from '../management/machines.ts'
import { createOld } from '../management/measured-upgrade.ts'
import type { Scenario, ScenarioRun } from '../management/scenario.ts'
import { until } from '../management/until.ts'
import { type ClusterShape, controlPlaneOf } from '../management/workload.ts'
import { shellIn } from '../witness/exec.ts'

const argument = 'max-requests-inflight'
interface Moment {
  uptime: number
}

const recordFile = '/var/lib/capd-kubeadm-upgrader/attempt.json'

export const settings: Scenario = {
  on: 'management cluster',
  proves:
    "An API server argument changes at the same version on three members, in their processes, while their other static pods keep their containers; one that the API server does not take ends with the old one and everything Ready, the machine's record names the component, and the exchange is not repeated.",
  async run(run) {
    const shape = await createOld(run)
    await change(run, shape)
    await breakIt(run, shape)
  },
}

async function change(run: ScenarioRun, shape: ClusterShape): Promise<void> {
  const { kube, expect } = run
  const members = await machinesOf(kube, shape.namespace, shape.name, 'control-plane')
  const before = await othersOf(members)
  await setArgument(run, shape, '401')
  const has = async (machine: CapiMachine) => (await argumentsOf(machine)).includes(`--${argument}=401`)
  await until(`${argument} in the processes of ${shape.name}`, 1200, async () => {
    const found = await Promise.all(members.map(has))
    return found.every(Boolean)
  })
  const after = await othersOf(await machinesOf(kube, shape.namespace, shape.name, 'control-plane'))
  expect(before === after, `other static pods have other containers:\nbefore ${before}\nafter  ${after}`)
}

async function breakIt(run: ScenarioRun, shape: ClusterShape): Promise<void> {
  const { kube, expect, timeline } = run
  const members = await machinesOf(kube, shape.namespace, shape.name, 'control-plane')
  await setArgument(run, shape, 'many')
  const record = await until(`an attempt of ${shape.name} that has failed`, 1200, async () => {
    const records = await Promise.all(members.map((machine) => shellIn(containerOf(machine), `cat ${recordFile}`)))
    return records.map((text) => JSON.parse(text)).find(({ state }) => state === 'failed')
  })
  const { code, values, at } = record.failure
  timeline.note(`failed: ${code} ${JSON.stringify(values)}`)
  expect(code === 'EXCHANGE_UNDONE', `the attempt failed with ${code}`)
  expect(values.component === 'kube-apiserver', `the message names ${values.component}`)
  for (const machine of members) {
    const running = await argumentsOf(machine)
    expect(running.includes(`--${argument}=401`), `${containerOf(machine)} does not run the old argument: ${running}`)
    await until(`${containerOf(machine)} to be Ready`, 180, () => isReady(machine))
  }
  await expectRest(run, members, at)
}

// Cluster API calls again after a second, then after two, and so on. The exchange is not repeated.
async function expectRest({ expect }: ScenarioRun, members: CapiMachine[], failedAt: Moment): Promise<void> {
  const uptime = async () =>
    Number((await shellIn(containerOf(members[0] as CapiMachine), 'cat /proc/uptime')).split(' ')[0])
  await until('a minute after the failure', 120, async () => (await uptime()) - failedAt.uptime > 60)
  const records = await Promise.all(members.map((machine) => shellIn(containerOf(machine), `cat ${recordFile}`)))
  const failed = records.map((text) => JSON.parse(text)).filter(({ state }) => state === 'failed')
  expect(failed.length === 1, `${failed.length} machines have failed`)
  expect(failed[0]?.failure.count === 1, `the exchange was repeated: ${JSON.stringify(failed[0]?.failure)}`)
}

async function isReady(machine: CapiMachine): Promise<boolean> {
  const ready = (kind: string, name: string) =>
    `kubectl --kubeconfig=/etc/kubernetes/admin.conf --namespace=kube-system get ${kind} ${name} -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'`
  const lines = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'].map((pod) =>
    ready('pod', `${pod}-$(hostname)`),
  )
  const found = await shellIn(containerOf(machine), [ready('node', '$(hostname)'), ...lines].join(' && '))
  return found === 'True'.repeat(5)
}

async function setArgument(
  { kube, timeline }: ScenarioRun,
  { namespace, name }: ClusterShape,
  value: string,
): Promise<void> {
  timeline.note(`${argument}: ${value}`)
  const apiServer = { extraArgs: [{ name: argument, value }] }
  await kube.patch('kubeadmcontrolplane', controlPlaneOf(name), namespace, {
    spec: { kubeadmConfigSpec: { clusterConfiguration: { apiServer } } },
  })
}

async function argumentsOf(machine: CapiMachine): Promise<string[]> {
  const line = 'tr "\\0" "\\n" <"/proc/$(pgrep -xo kube-apiserver)/cmdline"'
  return (await shellIn(containerOf(machine), line)).split('\n')
}

// The containers of all static pods but the API server.
async function othersOf(members: CapiMachine[]): Promise<string> {
  const lines = members.map((machine) =>
    shellIn(
      containerOf(machine),
      'for name in etcd kube-controller-manager kube-scheduler; do ctr -n k8s.io containers ls -q "labels.\\"io.kubernetes.container.name\\"==$name"; done',
    ),
  )
  return (await Promise.all(lines)).join(' ').replaceAll('\n', ' ')
}
