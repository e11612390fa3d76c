import type { SimulatedMachine } from './machine.ts'
import { imagesOf } from './release.ts'

// What a shell file of src/ prints, and does, with its arguments and its standard input.
type Script = (machine: SimulatedMachine, args: string[], input: string) => string

export const scripts: Record<string, Script> = {
  'machine/facts.sh': (machine) => {
    const { pid, restarts, version, since, healthy } = machine.lookAtKubelet()
    const kubelet = [`version=${version}`, `since=${since}`, `healthz=${healthy ? 'ok' : ''}`]
    return lines([
      `kubelet.pid=${pid}`,
      `kubelet.restarts=${restarts}`,
      ...(pid === 0 ? [] : kubelet.map((fact) => `kubelet.${fact}`)),
      ...Object.entries(machine.manifests).map(([name, image]) => `manifest.${name}=${image}`),
      ...[...machine.images].map(([name, digest]) => `digest.${name}=${digest}`),
      ...[...machine.containers].map(([id, image]) => `container.${id}=${image}`),
    ])
  },

  'upgrade/images.sh': ({ files, images, kubeadmRefusal }, [directory, length], input) => {
    if (kubeadmRefusal !== undefined) return `refused ${kubeadmRefusal}\n`
    const path = `${directory}/cluster-configuration.yaml`
    if (length !== String(Buffer.byteLength(input))) throw new Error('the length of the configuration is wrong')
    if (input !== '') files.set(path, input)
    const kubeadm = files.get(`${directory}/bin/kubeadm`)
    if (kubeadm === undefined || !files.has(path)) throw new Error('kubeadm or the configuration is missing')
    const needed = /^kubernetesVersion: (.*)$/m.exec(files.get(path) ?? '')?.[1] ?? kubeadm
    return lines([
      ...imagesOf(needed).map((image) => `needed ${image}`),
      ...[...images.keys()].map((image) => `there ${image}`),
    ])
  },

  // Users and groups are root and daemon. What is written has its mode and owner in front.
  'upgrade/steps/files.sh': (machine, [state], input) => {
    for (const line of input.split('\n').slice(0, -1)) {
      const [path = '', digest = '', mode, user = '', group, , content = ''] = line.split(' ')
      const text = `${mode} ${user}:${group} ${Buffer.from(content, 'base64')}`
      const old = machine.files.get(path)
      if (!['root', 'daemon'].includes(user)) return `refused ${path} the machine has no such user or group\n`
      if (old !== text) {
        if (old !== undefined) machine.files.set(`${state}/replaced${path}`, old)
        machine.files.set(path, text)
        machine.did(`write ${path}`)
      }
      machine.files.set(`${state}/applied${path}`, digest)
    }
    return ''
  },

  'upgrade/steps/missing-manifests.sh': (machine) => lines(missingManifests(machine)),

  'upgrade/steps/restore-manifests.sh': (machine) => {
    for (const name of missingManifests(machine)) {
      const backups = [...machine.files.keys()].filter((path) => path.includes('kubeadm-backup-manifests-'))
      const backup = backups
        .filter((path) => path.endsWith(`/${name}.yaml`))
        .sort()
        .at(-1)
      if (backup === undefined) return `${name}\n`
      machine.setManifest(name, machine.files.get(backup) ?? '')
      machine.did(`put back the manifest of ${name}`)
    }
    return ''
  },

  'upgrade/steps/space.sh': ({ freeMiB }, [need]) =>
    freeMiB < Number(need) ? `/var/lib/capd-kubeadm-upgrader ${need}\n` : '',

  'upgrade/steps/restore-kubelet.sh': (machine, [directory]) => {
    if (!machine.isDirectory(`${directory}/previous`)) return ''
    machine.did('put the previous kubelet back')
    for (const name of ['kubeadm', 'kubectl', 'kubelet']) {
      machine.files.set(`/usr/bin/${name}`, machine.files.get(`${directory}/previous/${name}`) ?? '')
    }
    machine.restartKubelet()
    return ''
  },

  'upgrade/steps/tidy.sh': (machine, [directory = '', ...units]) => {
    machine.did('tidy')
    for (const unit of units) {
      machine.units.stop(unit)
      machine.units.resetFailed(unit)
    }
    const notes = [...machine.files.keys()].filter((path) => path.startsWith(`${directory}/etcd-backups/`))
    for (const note of notes) machine.removeDirectory(`/etc/kubernetes/tmp/${note.split('/').at(-1)}`)
    machine.removeDirectory(directory)
    machine.removeDirectory(`${directory}.old`)
    return ''
  },
}

function missingManifests(machine: SimulatedMachine): string[] {
  const names = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler']
  const wanted = machine.isDirectory('/var/lib/etcd/member') ? [...names, 'etcd'] : names
  return wanted.filter((name) => !(name in machine.manifests))
}

function lines(all: string[]): string {
  return all.map((line) => `${line}\n`).join('')
}
