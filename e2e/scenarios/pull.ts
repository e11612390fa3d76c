// Proves: with UPGRADER_IMAGES=pull kubeadm itself brings the images, from a registry on the machines' network.
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { registry } from '../../scripts/lab/names.ts'
import { leaveRegistry, registryUp, useRegistry } from '../../scripts/lab/registry.ts'
import { nameVersion } from '../control-plane-controller.ts'
import { shellIn } from '../machine.ts'
import { onStage, type Stage } from '../stage.ts'
import { syncOf } from '../sync.ts'

const limitMs = 300_000

export function pull(): Promise<string[]> {
  return onStage({ fresh: true, environment: { UPGRADER_IMAGES: 'pull' } }, bringImages)
}

async function bringImages(stage: Stage): Promise<string[]> {
  const { worker, controlPlane, to } = stage.lab
  try {
    await registryUp()
    await useRegistry(worker)
    await nameVersion(controlPlane, to)
    const since = new Date().toISOString()
    // The step after the images: the control plane is still old, so the worker rests there.
    for (const limit = Date.now() + limitMs; ; await sleep(500)) {
      const { step, phase, message } = await syncOf(stage, 'worker')
      if (step === 'api-servers') break
      if (phase === 'Failed' || Date.now() > limit) return [`the images did not come: ${message}`]
    }
    const found: string[] = []
    const images = await shellIn(worker, 'ctr -n k8s.io images ls -q')
    if (!images.includes(`/kube-proxy:${to}`)) found.push(`${worker} has no kube-proxy ${to}`)
    const { all } = await execa('docker', ['logs', `--since=${since}`, registry], { all: true })
    const asked = [...all.matchAll(/GET \/v2\/kube-proxy\/manifests\/\S+/g)].length
    if (asked === 0) found.push('the registry was not asked for kube-proxy')
    console.log(`  kube-proxy ${to} is in ${worker}; the registry was asked for it ${asked} times`)
    return found
  } finally {
    await leaveRegistry(worker)
  }
}
