import { execa } from 'execa'
import { servingImage } from '../../scripts/lab/cluster/images.ts'
import { owners } from './kept.ts'
import type { File } from './workload.ts'

const manifests = '/etc/kubernetes/manifests'

/** Gives the engine the images of the owner's static pods: one image that does no harm, under their names. */
export async function tagImages(): Promise<string[]> {
  const image = await servingImage()
  const names = Object.values(owners.pods)
  for (const name of names) await execa('docker', ['tag', image, name])
  return names
}

/** The configurations of the machines, by role, as an owner writes them down. */
export function ownersConfigs() {
  const patches = { directory: owners.patches }
  const { path, placeholder } = owners.filledIn
  const preKubeadmCommands = [`sed -i "s/${placeholder}/$(hostname)/" ${path}`]
  const files = [filledIn, patch('kubeletconfiguration', kubelet)]
  const pods = Object.entries(owners.pods).map(([name, image]) => manifest(name, image))
  return {
    controlPlane: {
      files: [...files, patch('kube-apiserver', apiServer), ...pods],
      preKubeadmCommands,
      initConfiguration: { patches },
      joinConfiguration: { patches },
    },
    workers: { files, preKubeadmCommands, joinConfiguration: { patches } },
  }
}

const filledIn: File = { path: owners.filledIn.path, content: owners.filledIn.content }

const kubelet = {
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  maxPods: owners.maxPods,
}
const apiServer = { metadata: { labels: { [owners.label.name]: owners.label.value } } }

function patch(target: string, content: object): File {
  return { path: `${owners.patches}/${target}0+strategic.json`, content: JSON.stringify(content), permissions: '0644' }
}

// On the network of the machine, as kube-vip is; the one that has no name of its own is not, since both have one port.
function manifest(name: string, image: string): File {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'kube-system' },
    spec: {
      hostNetwork: name === 'kube-vip',
      containers: [{ name, image, imagePullPolicy: 'Never', args: ['netexec'] }],
    },
  }
  return { path: `${manifests}/${name}.yaml`, content: JSON.stringify(pod), permissions: '0600' }
}
