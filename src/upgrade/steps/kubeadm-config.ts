import semver from 'semver'
import { firstOther } from '../../kubernetes/pod-settings.ts'
import { clusterConfiguration, kubeadmConfigPath } from '../control-plane.ts'
import { hasInWork, type Step, waiting } from '../step.ts'
import { isKubeadmAtWork } from './kubeadm.ts'

/**
 * kubeadm upgrade node goes to the version in the ConfigMap kubeadm-config, and exits 0 when that is the old one. The
 * KubeadmControlPlane controller writes it before the first machine; the service never does.
 */
export const kubeadmConfig: Step = {
  name: 'kubeadm-config',
  doing: "reading the cluster's kubeadm-config",
  limitSeconds: 1800,
  pollSeconds: 5,
  lookSeconds: 5,
  changesMachine: false,
  needs: { sections: ['work', 'units'], api: () => [kubeadmConfigPath] },
  done(situation) {
    const { machine, target, observation, pods } = situation
    // kubeadm has read it, so the upgrade continues even if it names another version now. While the only control plane
    // machine is upgraded, no API server answers.
    const isRead = hasInWork(situation, 'kubeadm.done') || hasInWork(situation, 'prepared')
    if (isKubeadmAtWork(observation) || isRead) return 'done'
    const found = clusterConfiguration(observation)
    if ('waitsFor' in found) return found
    const named = semver.parse(found.value.version)
    // A worker may be on its way to a version that the control plane has passed already.
    const isReached =
      named !== null && (machine.role === 'worker' ? semver.gte(named, target) : semver.eq(named, target))
    if (!isReached) return waiting(`kubeadm-config to name ${target}`)
    const other = pods && firstOther(pods, found.value.parsed)
    return other === undefined ? 'done' : waiting(`kubeadm-config to have ${other} of the KubeadmConfig`)
  },
}
