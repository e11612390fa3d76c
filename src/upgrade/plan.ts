import type { Context, Step } from './step.ts'
import { apiServers } from './steps/api-servers.ts'
import { binaries } from './steps/binaries.ts'
import { imageArchive } from './steps/image-archive.ts'
import { images } from './steps/images.ts'
import { kubeadm } from './steps/kubeadm.ts'
import { kubeadmConfig } from './steps/kubeadm-config.ts'
import { kubelet } from './steps/kubelet.ts'
import { manifests } from './steps/manifests.ts'
import { preflight } from './steps/preflight.ts'
import { staticPods } from './steps/static-pods.ts'
import { tidy } from './steps/tidy.ts'
import { verify } from './steps/verify.ts'

// The way to the target, in order. Nothing in /usr/bin changes before the static pods run at the target.
export function planFor({ machine, sources }: Pick<Context, 'machine' | 'sources'>): Step[] {
  const bringImages = sources.images === 'pull' ? [images] : [imageArchive, images]
  const prepare = [binaries, kubeadmConfig, ...bringImages]
  if (machine.role === 'control-plane') {
    return [preflight, manifests, ...prepare, kubeadm, staticPods, kubelet, verify, tidy]
  }
  return [preflight, ...prepare, apiServers, kubeadm, kubelet, verify, tidy]
}

// What holds when the machine is at the target; only what comes after it in the plan may be left then.
export const goal = verify
