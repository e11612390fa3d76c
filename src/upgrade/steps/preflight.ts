import semver from 'semver'
import { UpgradeError } from '../../errors/upgrade-error.ts'
import { atLeastMinor, minorsUp, parseVersion } from '../../kubernetes/versions.ts'
import { stateDirectory } from '../../machine/machine.ts'
import { tagOf } from '../static-pods.ts'
import { hasInWork, type Situation, type Step } from '../step.ts'

// The sizes of what an upgrade stages, in MiB: the three programs, and the archive of all images, or of kube-proxy and
// CoreDNS. Measured with `ls -l` on v1.35.4 for linux/amd64, built from source and uncompressed.
const binariesMiB = 205
const imagesMiB = { 'control-plane': 453, worker: 154 }
// Each is stored up to three times: the download, its unpacked form and the installed copy.
const factor = 3

/** Checks everything that can be checked before anything is changed. Changes nothing itself. */
export const preflight: Step = {
  name: 'preflight',
  doing: 'checking the machine',
  limitSeconds: 600,
  pollSeconds: 5,
  lookSeconds: 5,
  changesMachine: false,
  needs: { sections: ['host', 'kubelet', 'manifests', 'work', 'space'] },
  done(situation) {
    checkMachine(situation)
    checkVersions(situation)
    checkHost(situation)
    checkSpace(situation)
    return 'done'
  },
}

// A Machine with bootstrap data from the user does not show whether kubeadm made the machine.
function checkMachine({ observation: { host } }: Situation): void {
  const [path] = host.missing
  if (path !== undefined) throw new UpgradeError('MACHINE_NOT_KUBEADM', { path })
}

// The first minor versions whose kubelet does not start on cgroup v1 by default, and not with containerd 1.
// Source: KubeletConfiguration failCgroupV1 (k8s.io/kubelet v0.35), and kubernetes/kubernetes PR 139121 and 139122.
const hostMinors = { failsOnCgroupV1: 35, failsOnContainerd1: 38 }

// Only a minor version that the upgrade crosses is checked, because the running kubelet proves that its own version
// starts here. Once the programs are staged, the host was checked, and the machine may be partially changed.
function checkHost(situation: Situation): void {
  if (hasInWork(situation, 'bin')) return
  const { host, kubelet } = situation.observation
  const { target } = situation
  const now = semver.parse(kubelet.version)?.minor ?? 0
  const steps = (minor: number) => now < minor && atLeastMinor(target, minor)
  const isRefused = host.cgroups === 1 && host.allowsCgroupV1 === false
  if (isRefused && steps(hostMinors.failsOnCgroupV1)) throw new UpgradeError('HOST_CGROUP_V1', { target })
  const running = host.containerd
  if (semver.coerce(running)?.major === 1 && steps(hostMinors.failsOnContainerd1)) {
    throw new UpgradeError('CONTAINERD_TOO_OLD', { running, target })
  }
}

// The current version is that of the API server on a control plane machine, and that of the kubelet on a worker.
// Without a running kubelet there is none, and the step kubelet handles that.
function checkVersions({ machine, observation, target }: Situation): void {
  const { kubelet, manifests } = observation
  const apiServer = manifests.get('kube-apiserver')?.image
  const running = machine.role === 'control-plane' && apiServer ? tagOf(apiServer) : kubelet.version
  if (running === '') return
  const parsed = semver.parse(running)
  if (!parsed) throw new UpgradeError('RUNNING_VERSION', { running })
  const wanted = parseVersion(target)
  if (semver.gt(parsed, wanted)) throw new UpgradeError('MACHINE_NEWER', { running, target })
  if (wanted.minor - parsed.minor > minorsUp[machine.role]) {
    throw new UpgradeError('MACHINE_TOO_OLD', { running, target })
  }
}

// kubeadm keeps a copy of etcd's data, so that is counted too. Once the programs are staged, the space is not checked
// again: later steps report a full disk themselves.
function checkSpace(situation: Situation): void {
  if (hasInWork(situation, 'bin')) return
  const { machine, observation } = situation
  const { free, etcdDataMiB } = observation.space
  const need = factor * (binariesMiB + imagesMiB[machine.role])
  const needs: Record<string, number> = {
    [stateDirectory]: need,
    '/var/lib/containerd': need,
    '/etc/kubernetes/tmp': need + etcdDataMiB,
  }
  for (const [path, mebibytes] of Object.entries(needs)) {
    if ((free.get(path) ?? 0) < mebibytes) throw new UpgradeError('SPACE_SHORT', { path, need: String(mebibytes) })
  }
}
