import { execaSync } from 'execa'
import type { Management } from '../../scripts/lab/verbs/management.ts'
import type { Kube, KubeObject } from './kube.ts'
import { until } from './until.ts'
import { machineTemplate } from './workload.ts'

const deployment = 'deployment/capd-controller-manager'
const namespace = 'capd-system'

/**
 * A proxy that does not exist: what should have gone past it fails. Machines and clusters are reached without it, as
 * behind a real one. CAPD adds the machines' network and the name of each machine (test/infrastructure/container/docker.go).
 */
export const proxies: Readonly<Record<string, string>> = {
  HTTP_PROXY: 'http://proxy.invalid:3128',
  HTTPS_PROXY: 'http://proxy.invalid:3129',
  NO_PROXY: 'localhost,127.0.0.1,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,.svc,.cluster.local',
}

interface Provider {
  spec: { template: { spec: { containers: { name: string; env?: { name: string; value?: string }[] }[] } } }
}

/** Does the work while Cluster API's Docker provider has the proxies, and gives them to each machine that it makes. */
export async function withProxies(management: Management, kube: Kube, work: () => Promise<unknown>): Promise<void> {
  const { kubectl, kubeconfig } = management
  const putBack = ['set', 'env', deployment, `-n=${namespace}`, ...before(await kube.get('-n', namespace, deployment))]
  // A scenario that is stopped ends its process at once.
  const atExit = () => execaSync(kubectl, [`--kubeconfig=${kubeconfig}`, ...putBack], { reject: false })
  process.once('exit', atExit)
  try {
    await kube.run(['set', 'env', deployment, `-n=${namespace}`, ...asArguments(proxies)])
    await rolledOut(kube)
    await work()
  } finally {
    await kube.run(putBack)
    process.off('exit', atExit)
    await rolledOut(kube)
  }
}

// What a run that was killed has left does not count as the provider's own.
function before({ spec }: Provider): string[] {
  const env = spec.template.spec.containers.flatMap((container) => container.env ?? [])
  return Object.keys(proxies).map((name) => {
    const value = env.find((one) => one.name === name)?.value
    return value === undefined || value === proxies[name] ? `${name}-` : `${name}=${value}`
  })
}

function asArguments(variables: Readonly<Record<string, string>>): string[] {
  return Object.entries(variables).map(([name, value]) => `${name}=${value}`)
}

// The API server reaches the provider's webhooks, too: for a moment it calls those of the pod that has gone.
async function rolledOut(kube: Kube): Promise<void> {
  await kube.run(['rollout', 'status', deployment, `-n=${namespace}`, '--timeout=110s'])
  const probe = JSON.stringify(machineTemplate(namespace, 'probe'))
  await until("the provider's webhooks answer, and its old pods are gone", 120, async () => {
    const pods = await kube.list<KubeObject>('pods', `-n=${namespace}`)
    await kube.run(['create', '--dry-run=server', '-f', '-'], probe)
    return pods.every(({ metadata }) => metadata.deletionTimestamp === undefined)
  })
}
