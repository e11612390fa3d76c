import semver from 'semver'
import { UpgradeError } from '../../errors/upgrade-error.ts'
import { minorsUp, parseVersion } from '../../kubernetes/versions.ts'
import { readFacts } from '../../machine/facts.ts'
import { type Context, type Step, workDirectory } from '../step.ts'

// What an upgrade brings along, in MiB: the three programs, and the archive of all images or of the addons', as
// measured with `ls -l` on v1.35.4 for linux/amd64, built from source and uncompressed.
const binariesMiB = 205
const imagesMiB = { 'control-plane': 453, worker: 154 }
// A download, its unpacked form and the copy in place.
const factor = 3

// Everything that can be known before anything is changed: it only looks.
export const preflight: Step = {
  name: 'preflight',
  doing: 'checking the machine',
  limitSeconds: 600,
  pollSeconds: 5,
  async done(context) {
    await checkVersions(context)
    await checkSpace(context)
    return 'done'
  },
}

// The version that counts is the API server's on a control plane and the kubelet's on a worker. A kubelet that
// does not run has none: then its own step finds out.
async function checkVersions({ machine, target }: Context): Promise<void> {
  const { kubelet, manifests } = await readFacts(machine)
  const running =
    (machine.role === 'control-plane' ? manifests['kube-apiserver']?.split(':').at(-1) : '') || kubelet.version
  if (running === '') return
  if (semver.gt(parseVersion(running), parseVersion(target)))
    throw new UpgradeError('MACHINE_NEWER', { running, target })
  if (parseVersion(target).minor - parseVersion(running).minor > minorsUp[machine.role]) {
    throw new UpgradeError('MACHINE_TOO_OLD', { running, target })
  }
}

// kubeadm copies etcd's data before it touches etcd and keeps the copy, so that is counted too. Space is not
// asked for again once the binaries are there: from then on each step's own failure says so.
async function checkSpace({ machine, target }: Context): Promise<void> {
  if (await machine.has(`${workDirectory(target)}/bin`)) return
  const need = String(factor * (binariesMiB + imagesMiB[machine.role]))
  const short = await machine.script(new URL('space.sh', import.meta.url), need)
  const [path, mebibytes] = short.trim().split(' ')
  if (path && mebibytes) throw new UpgradeError('SPACE_SHORT', { path, need: mebibytes })
}
