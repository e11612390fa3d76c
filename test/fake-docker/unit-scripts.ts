import { exchangeForward, movedPods, prepareExchange, renderPods } from './exchange.ts'
import { copyEtcd, noteCopies } from './leftovers.ts'
import type { SimulatedMachine } from './machine.ts'
import { digestOf, imagesOf, staticPodsOf } from './release.ts'
import type { Ending } from './units.ts'

const programs = ['kubeadm', 'kubelet', 'kubectl']
const servers = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler']

// What the shell file of each unit step has done by the time its unit ends.
export const unitScripts: Record<string, (machine: SimulatedMachine, args: string[]) => Ending> = {
  binaries: (machine, [url, version = '', directory = '']) => {
    const { files } = machine
    if (machine.isDirectory(directory)) return done('')
    if (url?.startsWith('/')) return checkCopied(files, url, { version, directory })
    if (!url?.startsWith('http')) return { exitCode: 42, log: 'failed: kubeadm.sha256\n' }
    for (const name of programs) files.set(`${directory}/${name}`, version)
    return done(`fetching ${url}/${version}/bin/linux/amd64/kubeadm\n`)
  },

  images: ({ files, images }, [directory, way]) => {
    const archive = `${directory}/images.tar`
    const configuration = files.get(`${directory}/cluster-configuration.yaml`) ?? ''
    const version = /^kubernetesVersion: (.*)$/m.exec(configuration)?.[1] ?? ''
    const brought = way === 'pull' ? imagesOf(version) : files.get(archive)?.split('\n')
    if (!brought) return { exitCode: 1, log: 'ctr: open images.tar: no such file or directory\n' }
    if (way !== 'pull') files.delete(archive)
    if (!brought.every((image) => image.includes(':'))) return { exitCode: 1, log: 'the archive is not whole\n' }
    for (const image of brought) images.set(image, digestOf(image))
    return done('')
  },

  render: renderPods,
  prepare: prepareExchange,
  exchange: (machine, [way, directory = '', node, balancer = '']) => {
    if (way !== 'forward' || node !== machine.name) throw new Error('this exchange is not simulated')
    return exchangeForward(machine, directory, balancer)
  },

  // kubeadm would go to the version that kubeadm-config names, and is content with the one that is there.
  kubeadm: (machine, [directory = '', role, other, patches = '-', configuration = '', wanted, ...given]) => {
    if (patches !== '-' && !machine.isDirectory(patches)) return { exitCode: 47, log: '' }
    const { cluster, files, manifests } = machine
    const isControlPlane = role === 'control-plane'
    if (isControlPlane && servers.some((pod) => !(pod in manifests))) return { exitCode: 46, log: '' }
    // The kubelet uses the other API server while kubeadm runs, and is restarted for it and after it.
    if (other !== '-') {
      machine.restartKubelet()
      files.set(`${directory}/kubelet.conf.own`, '')
    }
    files.set(`${directory}/upgrade.yaml`, `${configuration}\n`)
    if (!files.has(`${directory}/bin/kubeadm`)) return { exitCode: 127, log: 'sh: kubeadm: not found\n' }
    const version = cluster.kubeadmConfigVersion
    const isOther = isControlPlane && version !== wanted
    if (isOther && !files.has(`${directory}/exchanged`)) return { exitCode: 48, log: '' }
    if (isControlPlane && !isOther) exchangeOneByOne(machine, directory, version)
    const flags = isOther ? [...given, '--skip-phases=control-plane'] : given
    files.set(`${directory}/kubeadm.done`, '')
    machine.did(`kubeadm upgrade node ${flags.join(' ')}`)
    return done(`[upgrade] The node is at ${version}\n`)
  },

  kubelet: (machine, [directory = '', version]) => {
    const { files } = machine
    const isStaged = programs.every((name) => files.has(`${directory}/bin/${name}`))
    if (files.get('/usr/bin/kubelet') !== version && !machine.isDirectory(`${directory}/previous`)) {
      for (const name of programs) files.set(`${directory}/previous/${name}`, files.get(`/usr/bin/${name}`) ?? '')
    }
    if (!isStaged) return { exitCode: 1, log: 'cp: cannot stat\n' }
    for (const name of programs) files.set(`/usr/bin/${name}`, files.get(`${directory}/bin/${name}`) ?? '')
    files.delete(`${directory}/exchanging`)
    machine.restartKubelet()
    return done('')
  },
}

function exchangeOneByOne(machine: SimulatedMachine, directory: string, version: string): void {
  const { files, manifests, clock } = machine
  copyEtcd(machine)
  noteCopies(machine)
  for (const [pod, image] of Object.entries(manifests)) {
    files.set(`/etc/kubernetes/tmp/kubeadm-backup-manifests-${clock.now()}/${pod}.yaml`, image)
  }
  for (const [pod, image] of Object.entries(staticPodsOf(version))) {
    machine.setManifest(pod, [image, ...(machine.cluster.podArguments.get(pod) ?? [])].join(' '))
  }
  if (!files.has(`${directory}/exchanged`)) machine.restartStaticPods()
  else restartMoved(machine, directory)
}

// What was exchanged together before is equal to what kubeadm renders, or is exchanged once more.
function restartMoved(machine: SimulatedMachine, directory: string): void {
  const moved = movedPods(machine, directory)
  if (moved.length === 0) return
  machine.files.set(`${directory}/kubeadm.moved`, moved.join(' '))
  machine.restartStaticPods()
}

function checkCopied(
  files: SimulatedMachine['files'],
  source: string,
  { version, directory }: { version: string; directory: string | undefined },
): Ending {
  const copied = programs.map((name) => [name, files.get(`${source}/${name}`)] as const)
  for (const [name] of copied) files.delete(`${source}/${name}`)
  const [wrong] = copied.find(([, content]) => content !== version) ?? []
  if (wrong !== undefined) return { exitCode: 45, log: `failed: ${wrong}\n` }
  for (const name of programs) files.set(`${directory}/${name}`, version)
  return done('')
}

function done(log: string): Ending {
  return { exitCode: 0, log }
}
