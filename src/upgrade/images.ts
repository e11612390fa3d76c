import { clusterConfiguration } from './control-plane.ts'
import { type Context, workDirectory } from './step.ts'

export interface Missing {
  // Without these the machine would not work.
  needed: string[]
  // Brought along where the source has them.
  welcome: string[]
}

// The images that the machine will need and does not have. The names come from the new kubeadm and the cluster's
// own configuration, which may have another registry or pin the versions of etcd and CoreDNS. A worker needs
// kube-proxy's, because its DaemonSet is moved to the target before the workers are. CoreDNS' pods may stand on any
// machine, and a new machine would have their image; but its version may be one that no node image holds.
export async function missingImages(context: Context): Promise<Missing> {
  const { machine, target } = context
  const configuration = (await clusterConfiguration(context)) ?? ''
  const list = await machine.script(new URL('images.sh', import.meta.url), workDirectory(target), configuration)
  const lines = list.trim().split('\n')
  const there = new Set(lines.filter((line) => line.startsWith('there ')).map((line) => line.slice(6)))
  const listed = lines.filter((line) => line.startsWith('needed ')).map((line) => line.slice(7))
  const missing = listed.filter((image) => !there.has(image))
  if (machine.role === 'control-plane') return { needed: missing, welcome: [] }
  const named = (name: string) => missing.filter((image) => image.includes(`/${name}:`))
  return { needed: named('kube-proxy'), welcome: named('coredns') }
}
