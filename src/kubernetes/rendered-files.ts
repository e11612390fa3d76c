import { mostFiles } from './desired-files.ts'
import { valueAt } from './json.ts'
import type { Role } from './versions.ts'

// What kubeadm upgrade node renders, whatever became of it since bootstrap, and how a command may name it.
const kubeletConfiguration = { file: '/var/lib/kubelet/config.yaml', named: /\bkubelet\/config\.yaml\b/ }
const staticPods = [
  { file: 'kube-apiserver.yaml', named: /\bkube-apiserver\.yaml\b/ },
  { file: 'kube-controller-manager.yaml', named: /\bkube-controller-manager\.yaml\b/ },
  { file: 'kube-scheduler.yaml', named: /\bkube-scheduler\.yaml\b/ },
  { file: 'etcd.yaml', named: /\betcd\.yaml\b/ },
  { file: 'files of /etc/kubernetes/manifests by a pattern', named: /\/kubernetes\/manifests\/[\w.-]*[*?[{$]/ },
]
const rendered: Record<Role, { file: string; named: RegExp }[]> = {
  'control-plane': [kubeletConfiguration, ...staticPods],
  worker: [kubeletConfiguration],
}

/**
 * The file that kubeadm renders and that a command after kubeadm, or a script that such a command runs, names; undefined
 * if there is none. Commands before kubeadm cannot change what kubeadm makes.
 */
export function renderedFileIn(spec: unknown, role: Role): string | undefined {
  const commands = textOf(valueAt(spec, ['postKubeadmCommands']))
  const text = [commands, ...scriptsIn(spec, commands)].join('\n')
  return rendered[role].find(({ named }) => named.test(text))?.file
}

function scriptsIn(spec: unknown, commands: string): string[] {
  const files = valueAt(spec, ['files'])
  return (Array.isArray(files) ? files.slice(0, mostFiles) : []).flatMap((file) => {
    const content = valueAt(file, ['content'])
    const isScript = typeof content === 'string' && content.startsWith('#!')
    return isScript && commands.includes(nameOf(valueAt(file, ['path']))) ? content : []
  })
}

function textOf(list: unknown): string {
  return Array.isArray(list) ? list.flat().map(String).join('\n') : ''
}

// The name of a file by which a command may run it. What has none is in no command.
function nameOf(path: unknown): string {
  const name = String(path).split('/').at(-1)
  return name ? name : '\0'
}
