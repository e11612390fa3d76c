import { attempt, run } from '../../host/subprocess.ts'
import { ensureImageInMachine } from '../engine/image-in-machine.ts'
import { inputsHash } from '../host/hash.ts'
import { inputsLabel, management, managementControlPlane } from '../host/names.ts'
import { ensure } from '../host/prerequisite.ts'
import { providerImage, providers } from '../host/providers.ts'
import { clusterApi } from '../host/versions.ts'
import { waitFor } from '../host/wait.ts'
import { clusterApiManifests, settings } from './cluster-api-manifests.ts'
import { samples } from './webhook-samples.ts'

const images = providers.map(providerImage)
const managers = ['deployment', '--all-namespaces', '--selector=cluster.x-k8s.io/provider']

/** Ensures Cluster API in the management cluster, and waits until its managers and webhooks answer. */
export async function ensureClusterApi(kubectl: string, kubeconfig: string): Promise<void> {
  const env = { KUBECONFIG: kubeconfig }
  const next = `kubectl --kubeconfig ${kubeconfig} get pods --all-namespaces`
  const ids = await run`docker image inspect --format {{.Id}} ${images}`
  const hash = await inputsHash({ clusterApi, settings, ids })
  const available = (seconds: number) => ['wait', ...managers, '--for=condition=Available', `--timeout=${seconds}s`]
  const list = (items: object[]) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
  const inCluster = run({ env })
  await ensure({
    title: `Cluster API ${clusterApi} in ${management}`,
    find: async () => {
      const annotation = `jsonpath={.metadata.annotations.${inputsLabel.replaceAll('.', '\\.')}}`
      const installed = await attempt({ env })`${kubectl} get namespace kube-system --output ${annotation}`
      if (installed !== hash) return undefined
      return attempt({ env, timeoutSeconds: 70 })`${kubectl} ${available(60)}`
    },
    prepare: async () => {
      for (const image of images) await ensureImageInMachine(managementControlPlane, image)
      return clusterApiManifests(kubectl)
    },
    create: async (manifests) => {
      // Managers that run already would keep their images and certificates.
      await inCluster`${kubectl} delete ${managers}`
      await inCluster({ input: list(manifests) })`${kubectl} apply --server-side --force-conflicts -f -`
      await inCluster({ next })`${kubectl} ${available(240)}`
      // A manager can be Available before its webhook can be reached.
      const create = attempt({ env, input: list(samples) })
      await waitFor('webhooks answer', 60, () => create`${kubectl} create --dry-run=server -f -`, next)
      // The hash is written last, to a namespace that every cluster has.
      return inCluster`${kubectl} annotate namespace kube-system --overwrite ${inputsLabel}=${hash}`
    },
  })
}
