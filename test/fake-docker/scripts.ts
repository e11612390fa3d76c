import { goBack, tidyExchange } from './exchange.ts'
import { removeCopies } from './leftovers.ts'
import type { SimulatedMachine } from './machine.ts'
import { imagesOf } from './release.ts'

// What a shell file of src/, fed to the machine's sh, prints; and does.
type Script = (machine: SimulatedMachine, args: string[], input: string) => string

export const scripts: Record<string, Script> = {
  'upgrade/steps/image-list.sh': (machine, [directory], configuration) => {
    const kubeadm = machine.files.get(`${directory}/bin/kubeadm`)
    if (kubeadm === undefined) throw new Error('kubeadm is missing')
    if (machine.cluster.refusal !== undefined) return `refused ${machine.cluster.refusal}\n`
    machine.files.set(`${directory}/cluster-configuration.yaml`, configuration)
    const needed = /^kubernetesVersion: "?([^"\n]*)"?$/m.exec(configuration)?.[1] ?? kubeadm
    machine.files.set(`${directory}/images.list`, lines([...imagesOf(needed), 'registry.k8s.io/pause:3.10.1']))
    return ''
  },

  // Users and groups are root and daemon. What is written has its mode and owner in front.
  'upgrade/steps/files.sh': (machine, [state], input) => {
    for (const line of input.split('\n').filter(Boolean)) {
      const [path = '', digest = '', mode, user = '', group, , content = ''] = line.split(' ')
      const text = `${mode} ${user}:${group} ${Buffer.from(content, 'base64')}`
      const old = machine.files.get(path)
      if (machine.isDirectory(path)) return `refused ${path} there is a directory\n`
      if (!['root', 'daemon'].includes(user)) return `refused ${path} the machine has no such user or group\n`
      if (old !== text) {
        if (old !== undefined) machine.files.set(`${state}/replaced${path}`, old.replace(/^\d+ \w+:\w+ /, ''))
        machine.files.set(path, text)
        machine.did(`write ${path}`)
      }
      machine.files.set(`${state}/applied${path}`, digest)
    }
    return ''
  },

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

  // Without arguments for kubeadm it only gives the kubelet its own API server back.
  'upgrade/steps/kubeadm.sh': (_, args) => {
    if (args.length !== 5) throw new Error('kubeadm runs as a unit')
    return ''
  },

  'upgrade/steps/restore-kubelet.sh': (machine, [directory]) => {
    if (!machine.isDirectory(`${directory}/previous`)) return ''
    machine.did('put the previous kubelet back')
    for (const name of ['kubeadm', 'kubectl', 'kubelet']) {
      machine.files.set(`/usr/bin/${name}`, machine.files.get(`${directory}/previous/${name}`) ?? '')
    }
    machine.files.delete(`${directory}/exchanging`)
    machine.restartKubelet()
    return ''
  },

  'upgrade/steps/exchange.sh': (machine, [way, directory = '']) => {
    if (way !== 'back') throw new Error('an exchange runs as a unit')
    goBack(machine, directory)
    return ''
  },

  'upgrade/steps/tidy.sh': (machine, [directory = '', node, ...units]) => {
    if (node !== machine.name) throw new Error(`${machine.name} was tidied as ${node}`)
    if (!tidyExchange(machine)) return 'drained\n'
    machine.did('tidy')
    for (const unit of units) machine.units.forget(unit)
    removeCopies(machine)
    for (const path of [directory, `${directory}.old`]) machine.removeDirectory(path)
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
