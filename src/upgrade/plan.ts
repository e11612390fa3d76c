import type { Machine } from '../machine/machine.ts'
import type { Context, Sources, Step } from './step.ts'
import { apiServers } from './steps/api-servers.ts'
import { binaries } from './steps/binaries.ts'
import { files } from './steps/files.ts'
import { imageArchive } from './steps/image-archive.ts'
import { images } from './steps/images.ts'
import { kubeadm } from './steps/kubeadm.ts'
import { kubeadmConfig } from './steps/kubeadm-config.ts'
import { kubelet } from './steps/kubelet.ts'
import { manifests } from './steps/manifests.ts'
import { preflight } from './steps/preflight.ts'
import { staticPods } from './steps/static-pods.ts'
import { tidy } from './steps/tidy.ts'
import { runsTarget, verify } from './steps/verify.ts'

interface Asked {
  machine: Pick<Machine, 'role'>
  sources: Pick<Sources, 'images'>
}

// The way to the target, in order. Nothing in /usr/bin changes before the static pods run at the target.
export function planFor({ machine, sources }: Asked): Step[] {
  const bringImages = sources.images === 'pull' ? [images] : [imageArchive, images]
  const prepare = [binaries, kubeadmConfig, ...bringImages]
  if (machine.role === 'control-plane') {
    return [preflight, manifests, ...prepare, files, kubeadm, staticPods, kubelet, verify, tidy]
  }
  return [preflight, ...prepare, apiServers, files, kubeadm, kubelet, verify, tidy]
}

// What of a plan there is to do. A machine that runs the target keeps its programs, whatever its files are to be: it
// is then asked only to be well, unless it was found well just now.
export async function leftOf(whole: Step[], context: Context): Promise<Step[]> {
  const hasFiles = context.files.wanted.length > 0
  const plan = hasFiles ? whole : whole.filter(({ name }) => name !== files.name)
  const only = (...steps: Step[]) => plan.filter(({ name }) => steps.some((step) => step.name === name))
  if (context.settings.changes === 'files') return only(files)
  const [goal] = only(verify)
  if ((await goal?.done(context)) === 'done') return only(files, tidy)
  return hasFiles && (await runsTarget(context)) ? only(files, verify, tidy) : plan
}
