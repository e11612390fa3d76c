import { clusterConfiguration } from './control-plane.ts'
import { type Context, workDirectory } from './step.ts'

// The images that the machine will need and does not have. The names come from the new kubeadm and the cluster's
// own configuration, which may have another registry or pin the versions of etcd and CoreDNS. A worker needs
// kube-proxy's, because its DaemonSet is moved to the target before the workers are.
export async function missingImages(context: Context): Promise<string[]> {
  const { machine, target, settings } = context
  const configuration = (await clusterConfiguration(context)) ?? ''
  const list = await machine.script(new URL('images.sh', import.meta.url), workDirectory(target), configuration)
  const lines = list.trim().split('\n')
  const there = new Set(lines.filter((line) => line.startsWith('there ')).map((line) => line.slice(6)))
  const needed = lines.filter((line) => line.startsWith('needed ')).map((line) => line.slice(7))
  // CoreDNS moves only where kubeadm does the addons; KCP keeps its version.
  const onWorkers = settings.addons === 'kubeadm' ? /\/(kube-proxy|coredns):/ : /\/kube-proxy:/
  return needed.filter((image) => !there.has(image) && (machine.role === 'control-plane' || onWorkers.test(image)))
}
