import { mostFiles } from './desired-files.ts'
import { valueAt } from './json.ts'
import type { Role } from './versions.ts'

// Files that `kubeadm upgrade node` overwrites, each with a pattern for commands that name it.
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
 * A file that kubeadm renders and that one of the postKubeadmCommands, or a script that they run, names; undefined if
 * there is none. An upgrade would undo the change of such a command. Commands that run before kubeadm cannot change
 * what it renders.
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

// The name by which a command may run a file. Without a name, a character that no command contains.
function nameOf(path: unknown): string {
  const name = String(path).split('/').at(-1)
  return name ? name : '\0'
}
