import { run } from '../host/subprocess.ts'
import { UserError } from '../host/user-error.ts'

/** A cluster with Cluster API, by its kubectl. */
export interface ManagementCluster {
  /** Runs kubectl with access to the cluster and resolves to its output. Throws `UserError` when it fails. */
  kubectl(args: string[], input?: string): Promise<string>
}

const extensionConfigs = 'extensionconfigs.runtime.cluster.x-k8s.io'

/**
 * The cluster of a kubeconfig; of the one that kubectl finds by itself when none is given. Throws `UserError` when
 * kubectl is missing, the cluster does not answer, or it is not a management cluster that can update in place.
 */
export async function managementClusterAt(kubectl: string, kubeconfig?: string): Promise<ManagementCluster> {
  const access = [...(kubeconfig ? [`--kubeconfig=${kubeconfig}`] : []), '--request-timeout=15s']
  const cluster: ManagementCluster = {
    kubectl: (args, input) => run(input === undefined ? {} : { input })`${kubectl} ${access} ${args}`,
  }
  await run({ next: 'install kubectl, or give its path with --kubectl' })`${kubectl} version --client`
  const next = 'check --kubeconfig or KUBECONFIG, and the current context'
  await run({ next })`${kubectl} ${access} get --raw=/readyz`
  await checkClusterApi(cluster)
  return cluster
}

async function checkClusterApi({ kubectl }: ManagementCluster): Promise<void> {
  const served = '-o=jsonpath={.spec.versions[?(@.served==true)].name}'
  const versions = await kubectl(['get', 'customresourcedefinition', extensionConfigs, '--ignore-not-found', served])
  if (versions.split(' ').includes('v1beta2')) return
  const next =
    'EXP_RUNTIME_SDK=true EXP_IN_PLACE_UPDATES=true clusterctl init --infrastructure docker (Cluster API v1.12.8, v1.13.4 or newer)'
  const what = `it does not serve ${extensionConfigs} v1beta2`
  throw new UserError(`The cluster is not a management cluster that can update in place: ${what}.`, next)
}
