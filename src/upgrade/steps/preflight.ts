import semver from 'semver'
import { UpgradeError } from '../../errors/upgrade-error.ts'
import { minorsUp, parseVersion } from '../../kubernetes/versions.ts'
import { stateDirectory } from '../../machine/machine.ts'
import { tagOf } from '../static-pods.ts'
import { hasInWork, type Situation, type Step } from '../step.ts'

// What an upgrade brings along, in MiB: the three programs, and the archive of all images or of the addons', as
// measured with `ls -l` on v1.35.4 for linux/amd64, built from source and uncompressed.
const binariesMiB = 205
const imagesMiB = { 'control-plane': 453, worker: 154 }
// A download, its unpacked form and the copy in place.
const factor = 3

/** Everything that can be known before anything is changed: it only looks. */
export const preflight: Step = {
  name: 'preflight',
  doing: 'checking the machine',
  limitSeconds: 600,
  pollSeconds: 5,
  lookSeconds: 5,
  changes: false,
  needs: { sections: ['kubelet', 'manifests', 'work', 'space'] },
  done(situation) {
    checkVersions(situation)
    checkSpace(situation)
    return 'done'
  },
}

// The version that counts is the API server's on a control plane and the kubelet's on a worker. A kubelet that does
// not run has none: then its own step finds out.
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

// kubeadm copies etcd's data before it touches etcd and keeps the copy, so that is counted too. Space is not asked for
// again once the programs are there: from then on each step's own failure reports it.
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
