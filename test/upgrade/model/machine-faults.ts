import { exchangeForward } from '../../fake-docker/exchange.ts'
import { copyEtcd } from '../../fake-docker/leftovers.ts'
import { imageIn, type SimulatedMachine } from '../../fake-docker/machine.ts'
import { digestOf, staticPodsOf } from '../../fake-docker/release.ts'
import type { Ending } from '../../fake-docker/units.ts'

const work = '/var/lib/capd-kubeadm-upgrader/work'
const logs: Record<string, Ending> = {
  binaries: { exitCode: 42, log: 'failed: kubelet\n' },
  images: { exitCode: 1, log: 'ctr: no\n' },
  kubeadm: { exitCode: 1, log: 'error: no\n' },
  kubelet: { exitCode: 1, log: 'mv: no\n' },
  prepare: { exitCode: 1, log: 'cp: no\n' },
  exchange: { exitCode: 1, log: 'mv: no\n' },
}

/** What a run of this unit leaves in its journal when it fails. */
export function failedRun(script: string): Ending {
  return logs[script] ?? { exitCode: 1, log: '' }
}

/** Does a part of what the unit does: of kubeadm, so many static pods and the removal of the next one's manifest. */
export function doHalf(machine: SimulatedMachine, script: string, pods: number): void {
  const { files } = machine
  if (script === 'binaries') {
    // What was copied is moved there first.
    for (const name of ['kubeadm', 'kubelet', 'kubectl']) files.delete(`${work}/bin.copied/${name}`)
    files.set(`${work}/bin.partial/kubeadm`, 'half')
  }
  if (script === 'images') {
    const [image] = (files.get(`${work}/images.tar`) ?? '').split('\n')
    if (image) machine.images.set(image, digestOf(image))
  }
  if (script === 'kubelet') swapPart(machine)
  if (script === 'exchange') exchangeForward(machine, work, 'drain', pods)
  if (script === 'kubeadm' && machine.role === 'control-plane') exchangePart(machine, pods)
}

// As kubelet.sh does it, up to its second rename.
function swapPart({ files }: SimulatedMachine): void {
  const programs = ['kubeadm', 'kubectl', 'kubelet']
  if (![...files.keys()].some((path) => path.startsWith(`${work}/previous/`))) {
    for (const name of programs) files.set(`${work}/previous/${name}`, files.get(`/usr/bin/${name}`) ?? '')
  }
  files.set(`${work}/exchanging`, '')
  for (const name of programs.slice(0, 2)) files.set(`/usr/bin/${name}`, files.get(`${work}/bin/${name}`) ?? '')
}

// As kubeadm does it: etcd first, each manifest moved to its backup before the next one comes.
function exchangePart(machine: SimulatedMachine, pods: number): void {
  const { cluster, clock, manifests, files } = machine
  if (!('kube-apiserver' in manifests) || cluster.kubeadmConfigVersion !== files.get(`${work}/bin/kubeadm`)) return
  copyEtcd(machine)
  const backup = `/etc/kubernetes/tmp/kubeadm-backup-manifests-${clock.now()}`
  const wanted = staticPodsOf(cluster.kubeadmConfigVersion)
  for (const [i, pod] of ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'].entries()) {
    if (i > pods) return
    files.set(`${backup}/${pod}.yaml`, manifests[pod] ?? '')
    const manifest = [wanted[pod] ?? '', ...(cluster.podArguments.get(pod) ?? [])].join(' ')
    if (i < pods) machine.setManifest(pod, manifest)
    else machine.removeManifest(pod)
  }
  machine.restartStaticPods()
}

/** The container stops. Its units and processes are gone; what is on its disk stays. */
export function stopMachine(machine: SimulatedMachine): void {
  machine.units.clear()
  machine.containers.clear()
  machine.kubelet = { pid: 0, restarts: 0, version: '', startedAt: 0, healthy: false }
  if (machine.apiServer) machine.apiServer = { ...machine.apiServer, answers: false, ready: false }
}

/** The container starts: systemd starts the kubelet that stands in /usr/bin. */
export function startMachine(machine: SimulatedMachine): void {
  machine.kubelet = { ...machine.kubelet, pid: 690 }
  machine.restartKubelet()
}

/**
 * Lets a simulated machine do what these faults need and quick tests do not: a static pod without a manifest does not
 * run, and one that gets its manifest back does.
 */
export function mindManifests(machine: SimulatedMachine): void {
  const { clock } = machine
  const restart = machine.restartStaticPods.bind(machine)
  const did = machine.did.bind(machine)
  machine.restartStaticPods = (pods) => {
    restart(pods)
    const { manifests, containers } = machine
    const images = new Set(Object.values(manifests).map(imageIn))
    for (const [id, image] of containers) {
      const isStatic = /\/(kube-(apiserver|controller-manager|scheduler)|etcd):/.test(image)
      if (isStatic && !images.has(image)) containers.delete(id)
    }
    if (!('kube-apiserver' in manifests)) machine.apiServer = { version: '', answers: false, ready: false }
  }
  machine.did = (effect) => {
    did(effect)
    if (!effect.startsWith('put back the manifest')) return
    clock.after(2, () => {
      if (machine.kubelet.pid !== 0) machine.restartStaticPods()
    })
  }
}
