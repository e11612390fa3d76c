import type { Json } from '../player/cluster-api.ts'
import { watchExecs } from '../witness/engine-execs.ts'
import { shellIn } from '../witness/exec.ts'
import { createCluster, createNamespace, untilUpToDate } from './clusters.ts'
import { declinesSince, extensionLogs } from './controller-logs.ts'
import { corednsOf, tagOf } from './coredns.ts'
import { expectReplaced } from './expect-replaced.ts'
import { enabled } from './extension.ts'
import { type CapiMachine, containerOf, machinesOf } from './machines.ts'
import { makeControlPlane, removeMachines } from './older-cluster.ts'
import { withPort } from './port-forward.ts'
import type { ScenarioRun } from './scenario.ts'
import { requestFor } from './update-request.ts'
import { controlPlaneOf, type Shape } from './workload.ts'

const limitSeconds = 900
const reason = '(CONFIG_NOT_COVERED)'
const pki = '/etc/kubernetes/pki'
// Where the machines have what the Secrets hold.
const files = {
  caFile: `${pki}/etcd/ca.crt`,
  certFile: `${pki}/apiserver-etcd-client.crt`,
  keyFile: `${pki}/apiserver-etcd-client.key`,
}

/**
 * A cluster whose etcd is not on its machines is declined with its reason, and Cluster API replaces the machines. The etcd
 * is that of a control plane machine next to it; the two share it under different prefixes.
 */
export async function declinesExternalEtcd(run: ScenarioRun): Promise<void> {
  const { name, cluster, site, kube } = run
  const { from } = site.management
  const etcd = `${cluster}-etcd`
  const namespace = `${name}-etcd`
  try {
    await makeControlPlane({ name: etcd, version: from })
    await createNamespace(kube, namespace, name, enabled)
    await kube.apply(await secrets(namespace, `${cluster}-outside`, etcd))
    const shape: Shape = {
      namespace,
      name: `${cluster}-outside`,
      version: from,
      controlPlanes: 3,
      workers: 0,
      configs: { controlPlane: { clusterConfiguration: await configuration(etcd) } },
    }
    await createCluster({ kube, name }, shape)
    await isDeclined(run, shape)
    await isReplaced(run, shape)
  } finally {
    await removeMachines([etcd])
  }
}

// The names are Cluster API's (util/secret/consts.go).
async function secrets(namespace: string, cluster: string, etcd: string): Promise<object[]> {
  const read = (path: string) => shellIn(etcd, `base64 -w0 ${path}`)
  const secret = (suffix: string, data: object) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `${cluster}-${suffix}`, namespace, labels: { 'cluster.x-k8s.io/cluster-name': cluster } },
    type: 'cluster.x-k8s.io/secret',
    data,
  })
  const client = { 'tls.crt': await read(files.certFile), 'tls.key': await read(files.keyFile) }
  return [secret('etcd', { 'tls.crt': await read(files.caFile) }), secret('apiserver-etcd-client', client)]
}

async function configuration(etcd: string): Promise<object> {
  const address = await shellIn(etcd, `getent ahostsv4 ${etcd} | awk '{ print $1; exit }'`)
  return {
    apiServer: {
      certSANs: ['localhost', '127.0.0.1'],
      extraArgs: [{ name: 'etcd-prefix', value: '/outside' }],
    },
    etcd: { external: { endpoints: [`https://${address}:2379`], ...files } },
  }
}

// Sends what Cluster API would send about each machine, and an UpdateMachine that it would never send. Both are declined.
async function isDeclined({ kube, site, timeline, expect }: ScenarioRun, shape: Shape): Promise<void> {
  const machines = await machinesOf(kube, shape.namespace, shape.name)
  await withPort(site, async (post) => {
    for (const machine of machines) {
      const request = await requestFor(kube, machine, site.management.to)
      const answer = await post('CanUpdateMachine', 'can-update-machine', question(request, machine))
      expect(isDecline(answer), `an external etcd was not declined: ${JSON.stringify(answer)}`)
      const { status, message } = await post('UpdateMachine', 'update-machine', request as unknown as Json)
      timeline.note(`UpdateMachine for ${machine.metadata.name}: ${status}, ${message}`)
      const isRefused = status === 'Failure' && String(message).includes('(CONFIG_UNSUPPORTED)')
      expect(isRefused, `an external etcd was not refused: ${status}, ${message}`)
    }
  })
  for (const container of machines.map(containerOf)) {
    const left = await shellIn(container, 'ls -d /var/lib/capd-kubeadm-upgrader 2>/dev/null || true')
    expect(left === '', `${container} has something of the updater's: ${left}`)
  }
}

// The answer has no reason: Cluster API would not read it. The log has.
function isDecline(answer: Json): boolean {
  const patches = [answer.machinePatch, answer.infrastructureMachinePatch, answer.bootstrapConfigPatch]
  return answer.status === 'Success' && !patches.some(hasPatch)
}

function hasPatch(value: unknown): boolean {
  return typeof value === 'object' && value !== null && (value as { patch?: unknown }).patch !== undefined
}

function question({ desired, ...request }: Awaited<ReturnType<typeof requestFor>>, machine: CapiMachine): Json {
  const current = structuredClone(desired)
  current.machine.spec.version = machine.spec.version
  return { ...request, kind: 'CanUpdateMachineRequest', current, desired } as unknown as Json
}

async function isReplaced(run: ScenarioRun, shape: Shape): Promise<void> {
  const { kube, site, timeline, expect } = run
  const { to } = site.management
  const old = await machinesOf(kube, shape.namespace, shape.name)
  const execs = watchExecs(shape.name)
  const since = new Date().toISOString()
  timeline.note(`${shape.name}: control plane to ${to}`)
  // New machines do not have the CoreDNS of the old version.
  const clusterConfiguration = { dns: { imageTag: tagOf(await corednsOf(to)) } }
  const spec = { version: to, kubeadmConfigSpec: { clusterConfiguration } }
  await kube.patch('kubeadmcontrolplane', controlPlaneOf(shape.name), shape.namespace, { spec })
  const now = await untilUpToDate(kube, shape, 'control-plane', to, limitSeconds)
  await expectReplaced(run, old, now, { execs: await execs(), version: to })
  const declined = await declinesSince(kube, shape.namespace, since)
  expect(declined.length > 0, 'Cluster API did not log why it does not update in place')
  const decided = await extensionLogs(kube, since)
  for (const { metadata } of old) {
    const why = decided.some((line) => line.includes(`"name":"${metadata.name}"`) && line.includes(reason))
    expect(why, `the log does not have why ${metadata.name} is not updated in place`)
  }
}
