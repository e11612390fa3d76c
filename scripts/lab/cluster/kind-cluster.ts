import { writeFile } from 'node:fs/promises'
import { interruption } from '../../host/interruption.ts'
import { log } from '../../host/progress.ts'
import { retry } from '../../host/retry.ts'
import { attempt, run } from '../../host/subprocess.ts'
import { imageInputs } from '../engine/images.ts'
import { ensure } from '../host/prerequisite.ts'
import { waitFor } from '../host/wait.ts'
import { type MachineContainer, machines } from './machines.ts'

/** A cluster that kind creates. Its machines are like those of Cluster API's Docker provider. */
export interface KindCluster {
  name: string
  /** The Docker network of the machines. */
  network: string
  /** The file for an administrator's access from the host. It is never the user's own kubeconfig. */
  kubeconfig: string
  /** The image of all machines. */
  image: () => Promise<string>
  /** The machines as kind's configuration has them. */
  nodes: { role: 'control-plane' | 'worker'; extraMounts?: { hostPath: string; containerPath: string }[] }[]
  /** The containers of the machines, in the same order. The first is a control plane machine. */
  containers: [string, ...string[]]
  /** Kubernetes objects that are created in a new cluster. */
  objects: object[]
  /** Pods that have to be ready, as pairs of a namespace and a label selector. */
  awaited: [string, string][]
  /** Removes what is left of a cluster of this name. */
  remove: () => Promise<void>
}

// Written to the control plane machine last, so that a cluster without it is known to be incomplete.
const completeFile = '/kind/lab-complete'

// The kubectl of the control plane machine, so that the host needs none.
function kubectlOf({ containers: [controlPlane] }: KindCluster): string[] {
  const kubectl = ['kubectl', '--kubeconfig=/etc/kubernetes/admin.conf']
  return ['docker', 'exec', '--interactive', controlPlane, ...kubectl]
}

/** Ensures a kind cluster with ready Pods, starts machines that are stopped, and writes the kubeconfig. */
export async function ensureKindCluster(kind: string, cluster: KindCluster): Promise<void> {
  const { name, containers, kubeconfig } = cluster
  await ensure({
    title: `cluster ${name}: ${containers.join(', ')}`,
    find: async () => ((await isComplete(cluster)) ? name : undefined),
    create: async () => {
      await cluster.remove()
      // `down --all` removes the clusters that have a kubeconfig, so it is there before the first machine.
      await writeFile(kubeconfig, '', { mode: 0o600 })
      await create(kind, cluster)
      return name
    },
  })
  await writeFile(kubeconfig, await run`${kind} get kubeconfig --name ${name}`, { mode: 0o600 })
}

async function isComplete(cluster: KindCluster): Promise<boolean> {
  const found = await machines(cluster)
  const names = found.map(({ name }) => name)
  if (!cluster.containers.every((name) => names.includes(name))) return false
  // Unlike an exec this works in a stopped machine too.
  if ((await attempt`docker cp ${cluster.containers[0]}:${completeFile} -`) === undefined) return false
  const stopped = found.filter(({ state }) => state !== 'running').sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const machine of stopped) await start(machine)
  if (stopped.length === 0) return true
  if (!(await answers(cluster))) return false
  await podsReady(cluster)
  return true
}

// One after the other and in the order of their creation, so that they get their addresses back if these are free: a
// control plane machine does not work with another address.
async function start({ name, state }: MachineContainer): Promise<void> {
  log(`     Starting ${name}, which is ${state}`)
  await run`docker ${state === 'paused' ? 'unpause' : 'start'} ${name}`
}

async function answers(cluster: KindCluster): Promise<boolean> {
  const options = { limitSeconds: 90, everySeconds: 1, signal: interruption() }
  const ready = await retry(() => attempt`${kubectlOf(cluster)} get --raw=/readyz`, options)
  if (ready === undefined) log('     The API server does not answer: creating the machines again')
  return ready !== undefined
}

async function create(kind: string, cluster: KindCluster): Promise<void> {
  const { name, network, kubeconfig, nodes, objects } = cluster
  const image = await cluster.image()
  const config = {
    kind: 'Cluster',
    apiVersion: 'kind.x-k8s.io/v1alpha4',
    nodes: nodes.map((node) => ({ ...node, image })),
    // The lab's images have a pod network of their own; pulled images get kind's.
    networking: { disableDefaultCNI: (await imageInputs(image)) !== '' },
  }
  const flags = ['--name', name, '--kubeconfig', kubeconfig, '--wait', '150s', '--config', '-']
  const env = { KIND_EXPERIMENTAL_DOCKER_NETWORK: network }
  const createCluster = run({ env, input: JSON.stringify(config), timeoutSeconds: 480 })
  await createCluster`${kind} create cluster ${flags}`.catch(async (error: Error) => {
    if (!error.message.includes('is already in use by container')) throw error
    // The engine finished a container after the run that requested it was stopped, so it was not visible before.
    await cluster.remove()
    await createCluster`${kind} create cluster ${flags}`
  })
  const list = { apiVersion: 'v1', kind: 'List', items: objects }
  if (objects.length > 0) await run({ input: JSON.stringify(list) })`${kubectlOf(cluster)} apply -f -`
  await podsReady(cluster)
  await run`docker exec ${cluster.containers[0]} touch ${completeFile}`
}

async function podsReady(cluster: KindCluster): Promise<void> {
  for (const [namespace, selector] of cluster.awaited) {
    const next = `kubectl --kubeconfig ${cluster.kubeconfig} get pods --all-namespaces`
    await waitFor(`Pods with ${selector} are ready`, 120, () => allReady(cluster, namespace, selector), next)
  }
}

async function allReady(cluster: KindCluster, namespace: string, selector: string): Promise<boolean | undefined> {
  const ready = 'jsonpath={range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}'
  const flags = [`--namespace=${namespace}`, `--selector=${selector}`, `--output=${ready}`]
  const states = await attempt`${kubectlOf(cluster)} get pods ${flags}`
  return states?.split('\n').every((state) => state === 'True')
}
