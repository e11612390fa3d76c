import semver from 'semver'
import { clusterConfiguration } from '../control-plane.ts'
import { type Step, waiting } from '../step.ts'

// kubeadm upgrade node goes to the version in the ConfigMap kubeadm-config, and exits 0 when that is the old
// one. The KubeadmControlPlane controller writes it before the first machine; the service never does.
export const kubeadmConfig: Step = {
  name: 'kubeadm-config',
  doing: "reading the cluster's kubeadm-config",
  limitSeconds: 1800,
  pollSeconds: 5,
  async done(context) {
    const { machine, target } = context
    const named = /^kubernetesVersion: *["']?([^\s"']+)/m.exec((await clusterConfiguration(context)) ?? '')?.[1]
    if (named === undefined) return waiting('the API server')
    // A worker may be on its way to a version that the control plane has passed already.
    const reached = machine.role === 'worker' ? semver.gte(named, target) : named === target
    return reached ? 'done' : waiting(`kubeadm-config to name ${target}`)
  },
}
