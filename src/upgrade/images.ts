import { UpgradeError } from '../errors/upgrade-error.ts'
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
// Throws KUBEADM_CONFIG_REFUSED.
export async function missingImages(context: Context): Promise<Missing> {
  const { machine, target } = context
  const configuration = (await clusterConfiguration(context)) ?? ''
  const length = String(Buffer.byteLength(configuration))
  const list = await machine.feed(new URL('images.sh', import.meta.url), configuration, workDirectory(target), length)
  const lines = list.trim().split('\n')
  const refused = lines.find((line) => line.startsWith('refused'))
  if (refused !== undefined) throw configurationRefused(refused.slice('refused '.length))
  const there = new Set(lines.filter((line) => line.startsWith('there ')).map((line) => line.slice(6)))
  const listed = lines.filter((line) => line.startsWith('needed ')).map((line) => line.slice(7))
  const missing = listed.filter((image) => !there.has(image))
  if (machine.role === 'control-plane') return { needed: missing, welcome: [] }
  const named = (name: string) => missing.filter((image) => image.includes(`/${name}:`))
  return { needed: named('kube-proxy'), welcome: named('coredns') }
}

// kubeadm's own line may be long: Cluster API copies messages into conditions.
function configurationRefused(said: string): UpgradeError {
  const cause = said.replace(/^error: /, '').slice(0, 300)
  return new UpgradeError('KUBEADM_CONFIG_REFUSED', { cause: cause === '' ? 'it gave no reason' : cause })
}
