import { run } from '../host/run.ts'
import { UserError } from '../host/user-error.ts'

export interface Cluster {
  kubectl(args: string[], input?: string): Promise<string>
}

const definition = 'extensionconfigs.runtime.cluster.x-k8s.io'

// The cluster of a kubeconfig, once it is known that it answers and has Cluster API.
export async function clusterAt(kubectl: string, kubeconfig?: string): Promise<Cluster> {
  const access = kubeconfig ? [`--kubeconfig=${kubeconfig}`] : []
  const cluster: Cluster = {
    kubectl: (args, input) =>
      run(kubectl, [...access, '--request-timeout=15s', ...args], input === undefined ? {} : { input }),
  }
  await run(kubectl, ['version', '--client'], { next: 'install kubectl, or say with --kubectl where it is' })
  await run(kubectl, [...access, '--request-timeout=15s', 'get', '--raw=/readyz'], {
    next: 'check --kubeconfig or KUBECONFIG, and the context that is chosen there',
  })
  await checkClusterApi(cluster)
  return cluster
}

async function checkClusterApi({ kubectl }: Cluster) {
  const served = '-o=jsonpath={.spec.versions[?(@.served==true)].name}'
  const versions = await kubectl(['get', 'customresourcedefinition', definition, '--ignore-not-found', served])
  if (versions.split(' ').includes('v1beta2')) return
  const next =
    'EXP_RUNTIME_SDK=true EXP_IN_PLACE_UPDATES=true clusterctl init --infrastructure docker (Cluster API v1.12 or newer)'
  throw new UserError(`This is no management cluster that can update in place: it has no ${definition} v1beta2.`, next)
}
