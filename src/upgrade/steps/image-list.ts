import { UpgradeError } from '../../errors/upgrade-error.ts'
import { shellFile } from '../../machine/machine.ts'
import { clusterConfiguration, kubeadmConfigPath } from '../control-plane.ts'
import { type Step, waiting, workDirectory } from '../step.ts'

const script = shellFile(new URL('image-list.sh', import.meta.url))

/**
 * Lists the images that the machine needs. The new kubeadm computes them from the cluster's configuration, which may
 * set another registry or the versions of etcd and CoreDNS.
 */
export const imageList: Step = {
  name: 'image-list',
  doing: 'listing the Kubernetes images',
  limitSeconds: 300,
  pollSeconds: 2,
  lookSeconds: 2,
  changesMachine: false,
  needsWork: true,
  renewed: ['images.list'],
  needs: { sections: ['work'], api: () => [kubeadmConfigPath] },
  usesPrograms: true,
  done({ observation, key }) {
    const { work } = observation
    if (work.key === key && work.neededImages) return 'done'
    const found = clusterConfiguration(observation)
    return 'waitsFor' in found ? found : waiting('the list of images')
  },
  action({ observation }) {
    const found = clusterConfiguration(observation)
    if ('waitsFor' in found) return undefined
    return { kind: 'run', script, args: [workDirectory], input: found.value.yaml, read: refused }
  },
}

// kubeadm's error is shortened, because Cluster API copies messages into conditions.
function refused(output: string): UpgradeError | undefined {
  const reason = /^refused(.*)$/m.exec(output)?.[1]
  if (reason === undefined) return undefined
  const cause = reason
    .trim()
    .replace(/^error: /, '')
    .slice(0, 300)
  return new UpgradeError('KUBEADM_CONFIG_REFUSED', { cause: cause || 'it gave no reason' })
}
