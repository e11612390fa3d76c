import { attempt, run } from '../../host/run.ts'
import { providers } from '../build/cluster-api.ts'
import { providerImage } from '../build/cluster-api-images.ts'
import { docker } from '../engine/docker.ts'
import { needImageIn } from '../engine/load-image.ts'
import { inputsHash } from '../host/cache.ts'
import { inputsLabel, management, managementControlPlane } from '../host/names.ts'
import { poll } from '../host/poll.ts'
import { need } from '../host/stage.ts'
import { clusterApi } from '../host/versions.ts'
import { clusterApiManifests, settings } from './cluster-api-manifests.ts'
import { samples } from './webhook-samples.ts'

const images = providers.map(providerImage)
const managers = ['deployment', '--all-namespaces', '--selector=cluster.x-k8s.io/provider']

// Puts Cluster API into the management cluster and waits until its managers serve.
export async function needClusterApi(kubectl: string, kubeconfig: string) {
  const env = { KUBECONFIG: kubeconfig }
  const next = `kubectl --kubeconfig ${kubeconfig} get pods --all-namespaces`
  const ids = await docker(`image inspect --format {{.Id}} ${images.join(' ')}`)
  const hash = await inputsHash({ clusterApi, settings, ids })
  // Written when all is done: on a namespace that is always there.
  const annotation = ['annotate', 'namespace', 'kube-system', '--overwrite', `${inputsLabel}=${hash}`]
  const answer = `jsonpath={.metadata.annotations.${inputsLabel.replaceAll('.', '\\.')}}`
  const available = (seconds: number) => ['wait', ...managers, '--for=condition=Available', `--timeout=${seconds}s`]
  const list = (items: object[]) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
  await need({
    title: `Cluster API ${clusterApi} in ${management}`,
    there: async () => {
      const put = await attempt(kubectl, ['get', 'namespace', 'kube-system', '--output', answer], { env })
      if (put !== hash) return
      return attempt(kubectl, available(60), { env, seconds: 70 })
    },
    needs: async () => {
      for (const image of images) await needImageIn(managementControlPlane, image)
      return clusterApiManifests(kubectl)
    },
    make: async (manifests) => {
      // Managers of before would go on with the images and certificates of before.
      await run(kubectl, ['delete', ...managers], { env })
      await run(kubectl, ['apply', '--server-side', '--force-conflicts', '-f', '-'], { env, input: list(manifests) })
      await run(kubectl, available(240), { env, next })
      // Available is not yet reachable: each provider's webhook has to answer.
      const create = ['create', '--dry-run=server', '-f', '-']
      await poll('Webhooks answer', 60, () => attempt(kubectl, create, { env, input: list(samples) }), next)
      return run(kubectl, annotation, { env })
    },
  })
}
