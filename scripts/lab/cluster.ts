import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { cache } from './cache.ts'
import { docker, imageInputs, tryDocker } from './docker.ts'
import { type Machine, machines, removeMachines } from './machines.ts'
import { cluster, controlPlane, network, nodeImage, worker } from './names.ts'
import { poll } from './poll.ts'
import { say } from './progress.ts'
import { run } from './run.ts'
import { need } from './stage.ts'
import { steadyPod } from './steady-pod.ts'
import { from } from './versions.ts'

// Never the user's own file.
export const kubeconfig = join(cache, `${cluster}.kubeconfig`)

// Written into the control plane machine last: a cluster without it is half-made.
const completeFile = '/kind/lab-complete'

// kubectl of the control plane machine: the host needs none.
const kubectl = `exec --interactive ${controlPlane} kubectl --kubeconfig=/etc/kubernetes/admin.conf`

// One control plane machine and one worker, made by kind just as Cluster API's Docker provider makes them.
export async function needCluster(kind: string) {
  await need({
    title: `cluster ${cluster}: ${controlPlane}, ${worker}`,
    there: async () => ((await isComplete()) ? cluster : undefined),
    make: async () => {
      await removeMachines()
      await create(kind)
      return cluster
    },
  })
  await writeFile(kubeconfig, await run(kind, ['get', 'kubeconfig', '--name', cluster]), { mode: 0o600 })
}

// Was finished once, and serves.
async function isComplete(): Promise<boolean> {
  const found = await machines()
  const names = found.map(({ name }) => name)
  if (!names.includes(controlPlane) || !names.includes(worker)) return false
  // Unlike an exec this works in a machine that is stopped, too.
  if ((await tryDocker(`cp ${controlPlane}:${completeFile} -`)) === undefined) return false
  const stopped = found.filter(({ state }) => state !== 'running').sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const machine of stopped) await start(machine)
  if (stopped.length === 0) return true
  if (!(await serves())) return false
  await podsReady()
  return true
}

// A machine that was stopped, perhaps with the host. They are started one after the other, so that they get their
// addresses back if they can: with another address a control plane machine is of no use.
async function start({ name, state }: Machine) {
  say(`     Starting ${name}, which was ${state}`)
  await docker(`${state === 'paused' ? 'unpause' : 'start'} ${name}`)
}

async function serves() {
  for (const limit = Date.now() + 90_000; Date.now() < limit; await sleep(1000)) {
    if (await tryDocker(`${kubectl} get --raw=/readyz`)) return true
  }
  say('     Its API server does not answer: making new machines')
  return false
}

async function create(kind: string) {
  const image = nodeImage(from)
  const config = {
    kind: 'Cluster',
    apiVersion: 'kind.x-k8s.io/v1alpha4',
    nodes: ['control-plane', 'worker'].map((role) => ({ role, image })),
    // An image of ours brings a pod network of its own; a pulled one is used with kind's.
    networking: { disableDefaultCNI: (await imageInputs(image)) !== '' },
  }
  const flags = ['--name', cluster, '--kubeconfig', kubeconfig, '--wait', '150s', '--config', '-']
  const env = { KIND_EXPERIMENTAL_DOCKER_NETWORK: network }
  const options = { env, input: JSON.stringify(config), seconds: 480 }
  await run(kind, ['create', 'cluster', ...flags], options).catch(async (error: Error) => {
    if (!error.message.includes('is already in use by container')) throw error
    // A run was stopped while the engine made a machine: the engine finished it, and only now it can be seen.
    await removeMachines()
    await run(kind, ['create', 'cluster', ...flags], options)
  })
  await docker(`${kubectl} apply -f -`, [], { input: JSON.stringify(steadyPod) })
  await podsReady()
  await docker(`exec ${controlPlane} touch ${completeFile}`)
}

async function podsReady() {
  for (const [namespace, selector] of awaited) {
    const next = `kubectl --kubeconfig ${kubeconfig} get pods --all-namespaces`
    await poll(`Pods with ${selector} are ready`, 120, () => allReady(namespace, selector), next)
  }
}

const awaited = [
  ['kube-system', 'k8s-app=kube-proxy'],
  ['kube-system', 'k8s-app=kube-dns'],
  ['default', 'app=steady'],
] as const

async function allReady(namespace: string, selector: string) {
  const ready = '{range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}'
  const get = `${kubectl} get pods --namespace=${namespace} --selector=${selector} --output`
  const states = await tryDocker(get, [`jsonpath=${ready}`])
  return states?.split('\n').every((state) => state === 'True')
}
