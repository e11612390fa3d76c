import { writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { say } from '../../host/progress.ts'
import { run } from '../../host/run.ts'
import { docker, imageInputs, tryDocker } from '../engine/docker.ts'
import { poll } from '../host/poll.ts'
import { need } from '../host/stage.ts'
import { type Machine, machines } from './machines.ts'

// A cluster that kind makes, just as Cluster API's Docker provider makes its machines.
export interface KindCluster {
  name: string
  network: string
  // Never the user's own file.
  kubeconfig: string
  // The machines' image, kind's description of each machine, and their names; the first is the control plane.
  image: string
  nodes: { role: 'control-plane' | 'worker'; extraMounts?: { hostPath: string; containerPath: string }[] }[]
  containers: [string, ...string[]]
  // What is put into it when it is new.
  objects: object[]
  // Pods that have to be ready, by namespace and label.
  awaited: [string, string][]
  // Makes room for a new one.
  remove: () => Promise<void>
}

// Written into the control plane machine last: a cluster without it is half-made.
const completeFile = '/kind/lab-complete'

// kubectl of the control plane machine: the host needs none.
const kubectl = ({ containers: [controlPlane] }: KindCluster) =>
  `exec --interactive ${controlPlane} kubectl --kubeconfig=/etc/kubernetes/admin.conf`

export async function needKindCluster(kind: string, cluster: KindCluster) {
  const { name, containers, kubeconfig } = cluster
  await need({
    title: `cluster ${name}: ${containers.join(', ')}`,
    there: async () => ((await isComplete(cluster)) ? name : undefined),
    make: async () => {
      await cluster.remove()
      // From now on there may be something to remove.
      await writeFile(kubeconfig, '', { mode: 0o600 })
      await create(kind, cluster)
      return name
    },
  })
  await writeFile(kubeconfig, await run(kind, ['get', 'kubeconfig', '--name', name]), { mode: 0o600 })
}

// Was finished once, and serves.
async function isComplete(cluster: KindCluster): Promise<boolean> {
  const found = await machines(cluster)
  const names = found.map(({ name }) => name)
  if (!cluster.containers.every((name) => names.includes(name))) return false
  // Unlike an exec this works in a machine that is stopped, too.
  if ((await tryDocker(`cp ${cluster.containers[0]}:${completeFile} -`)) === undefined) return false
  const stopped = found.filter(({ state }) => state !== 'running').sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const machine of stopped) await start(machine)
  if (stopped.length === 0) return true
  if (!(await serves(cluster))) return false
  await podsReady(cluster)
  return true
}

// A machine that was stopped, perhaps with the host. They are started one after the other, so that they get their
// addresses back if they can: with another address a control plane machine is of no use.
async function start({ name, state }: Machine) {
  say(`     Starting ${name}, which was ${state}`)
  await docker(`${state === 'paused' ? 'unpause' : 'start'} ${name}`)
}

async function serves(cluster: KindCluster) {
  for (const limit = Date.now() + 90_000; Date.now() < limit; await sleep(1000)) {
    if (await tryDocker(`${kubectl(cluster)} get --raw=/readyz`)) return true
  }
  say('     Its API server does not answer: making new machines')
  return false
}

async function create(kind: string, cluster: KindCluster) {
  const { name, network, kubeconfig, image, nodes, objects } = cluster
  const config = {
    kind: 'Cluster',
    apiVersion: 'kind.x-k8s.io/v1alpha4',
    nodes: nodes.map((node) => ({ ...node, image })),
    // An image of ours brings a pod network of its own; a pulled one is used with kind's.
    networking: { disableDefaultCNI: (await imageInputs(image)) !== '' },
  }
  const flags = ['--name', name, '--kubeconfig', kubeconfig, '--wait', '150s', '--config', '-']
  const env = { KIND_EXPERIMENTAL_DOCKER_NETWORK: network }
  const options = { env, input: JSON.stringify(config), seconds: 480 }
  await run(kind, ['create', 'cluster', ...flags], options).catch(async (error: Error) => {
    if (!error.message.includes('is already in use by container')) throw error
    // A run was stopped while the engine made a machine: the engine finished it, and only now it can be seen.
    await cluster.remove()
    await run(kind, ['create', 'cluster', ...flags], options)
  })
  const list = { apiVersion: 'v1', kind: 'List', items: objects }
  if (objects.length) await docker(`${kubectl(cluster)} apply -f -`, [], { input: JSON.stringify(list) })
  await podsReady(cluster)
  await docker(`exec ${cluster.containers[0]} touch ${completeFile}`)
}

async function podsReady(cluster: KindCluster) {
  for (const [namespace, selector] of cluster.awaited) {
    const next = `kubectl --kubeconfig ${cluster.kubeconfig} get pods --all-namespaces`
    await poll(`Pods with ${selector} are ready`, 120, () => allReady(cluster, namespace, selector), next)
  }
}

async function allReady(cluster: KindCluster, namespace: string, selector: string) {
  const ready = '{range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}'
  const get = `${kubectl(cluster)} get pods --namespace=${namespace} --selector=${selector} --output`
  const states = await tryDocker(get, [`jsonpath=${ready}`])
  return states?.split('\n').every((state) => state === 'True')
}
