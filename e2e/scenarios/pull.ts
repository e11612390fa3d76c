// Proves: with UPGRADER_IMAGES=pull kubeadm itself brings the images, from a registry on the machines' network; and else the
// engine pulls a node image that it does not have, here by its digest.
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { registryImage } from '../../scripts/lab/cluster/images.ts'
import { leaveRegistry, registryUp, useRegistry } from '../../scripts/lab/cluster/registry.ts'
import { nodeImage, registry } from '../../scripts/lab/host/names.ts'
import { nameVersion } from '../player/control-plane-controller.ts'
import { onStage, type Stage } from '../player/stage.ts'
import { syncOf } from '../player/sync.ts'
import { shellIn } from '../witness/exec.ts'

const limitMs = 300_000
const ofEngine = 'capd-kubeadm-upgrader-node-image-registry'

export function pull(): Promise<string[]> {
  return onStage({ fresh: true, environment: { UPGRADER_IMAGES: 'pull' } }, async (stage) => [
    ...(await bringImages(stage)),
    ...(await bringNodeImage(stage)),
  ])
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

// The control plane machine is updated with a node image that the engine has to pull from a registry of its own.
async function bringNodeImage(stage: Stage): Promise<string[]> {
  const { to } = stage.lab
  let image = ''
  try {
    image = await publish(to)
    if (await isThere(image)) return [`the engine has ${image} before it is pulled`]
    await stage.restart('SIGTERM', {
      UPGRADER_IMAGES: 'node-image',
      UPGRADER_NODE_IMAGE: image.replaceAll(to, '{version}'),
    })
    for (const limit = Date.now() + limitMs; ; await sleep(500)) {
      const { phase, message } = await syncOf(stage, 'control-plane')
      if (phase === 'Done') break
      if (phase === 'Failed' || Date.now() > limit) return [`the node image did not come: ${message}`]
    }
    if (!(await isThere(image))) return [`the engine does not have ${image}`]
    console.log(`  the engine has pulled ${image}`)
    return []
  } finally {
    await execa('docker', ['rm', '--force', '--volumes', ofEngine], { reject: false })
    if (image !== '') await execa('docker', ['image', 'rm', image], { reject: false })
  }
}

// An engine trusts a registry without TLS on its own host alone. Gives the image with its tag and digest.
async function publish(version: string): Promise<string> {
  await execa('docker', ['rm', '--force', '--volumes', ofEngine], { reject: false })
  const registryOfEngine = await registryImage()
  await execa('docker', ['run', '--detach', '--name', ofEngine, '--publish=127.0.0.1::5000', registryOfEngine])
  const { stdout: address } = await execa('docker', ['port', ofEngine, '5000/tcp'])
  const tagged = `${address.trim()}/node:${version}`
  await execa('docker', ['tag', nodeImage(version), tagged])
  const { stdout } = await execa('docker', ['push', tagged])
  await execa('docker', ['image', 'rm', tagged])
  const digest = /digest: (sha256:[0-9a-f]{64})/.exec(stdout)?.[1]
  if (digest === undefined) throw new Error(`no digest in what docker push printed: ${stdout}`)
  return `${tagged}@${digest}`
}

async function isThere(image: string): Promise<boolean> {
  const { exitCode } = await execa('docker', ['image', 'inspect', image], { reject: false })
  return exitCode === 0
}
