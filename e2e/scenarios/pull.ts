import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { registryImage } from '../../scripts/lab/cluster/images.ts'
import { leaveRegistry, registryUp, useRegistry } from '../../scripts/lab/cluster/registry.ts'
import { nodeImage, registry } from '../../scripts/lab/host/names.ts'
import type { Scenario } from '../management/scenario.ts'
import { nameVersion } from '../player/control-plane-controller.ts'
import { onStage, type Stage } from '../player/stage.ts'
import { syncOf } from '../player/sync.ts'
import { shellIn } from '../witness/exec.ts'

const limitMs = 300_000
const ofEngine = 'capd-kubeadm-upgrader-node-image-registry'

/** The scenario "pull". */
export const pull: Scenario = {
  on: 'lab',
  proves:
    "With UPGRADER_IMAGES=pull kubeadm pulls the images from a registry on the machines' network; with node-image the engine pulls a node image that it does not have, here by its digest.",
  run: ({ expect }) =>
    onStage({ fresh: true, environment: { UPGRADER_IMAGES: 'pull' } }, async (stage) => {
      for (const problem of await bringImages(stage)) expect(false, problem)
      for (const problem of await bringNodeImage(stage)) expect(false, problem)
    }),
}

async function bringImages(stage: Stage): Promise<string[]> {
  const { worker, controlPlane, to } = stage.lab
  try {
    await registryUp()
    await useRegistry(worker)
    await nameVersion(controlPlane, to)
    const since = new Date().toISOString()
    // In the step after the images the worker waits, because the control plane is still old.
    for (const limit = Date.now() + limitMs; ; await sleep(500)) {
      const { step, phase, message } = await syncOf(stage, 'worker')
      if (step === 'api-servers') break
      if (phase === 'Failed' || Date.now() > limit) return [`the images were not pulled: ${message}`]
    }
    const found: string[] = []
    const images = await shellIn(worker, 'ctr -n k8s.io images ls -q')
    if (!images.includes(`/kube-proxy:${to}`)) found.push(`${worker} has no kube-proxy ${to}`)
    const { all } = await execa('docker', ['logs', `--since=${since}`, registry], { all: true })
    const pulls = [...all.matchAll(/GET \/v2\/kube-proxy\/manifests\/\S+/g)].length
    if (pulls === 0) found.push('kube-proxy was not pulled from the registry')
    console.log(`  kube-proxy ${to} is in ${worker}; the registry served it ${pulls} times`)
    return found
  } finally {
    await leaveRegistry(worker)
  }
}

// Updates the control plane machine with a node image that the engine has to pull.
async function bringNodeImage(stage: Stage): Promise<string[]> {
  const { to } = stage.lab
  let image = ''
  try {
    image = await publish(to)
    if (await hasImage(image)) return [`the engine has ${image} before it is pulled`]
    await stage.restart('SIGTERM', {
      UPGRADER_IMAGES: 'node-image',
      UPGRADER_NODE_IMAGE: image.replaceAll(to, '{version}'),
    })
    for (const limit = Date.now() + limitMs; ; await sleep(500)) {
      const { phase, message } = await syncOf(stage, 'control-plane')
      if (phase === 'Done') break
      if (phase === 'Failed' || Date.now() > limit) return [`the update with the node image failed: ${message}`]
    }
    if (!(await hasImage(image))) return [`the engine does not have ${image}`]
    console.log(`  the engine pulled ${image}`)
    return []
  } finally {
    await execa('docker', ['rm', '--force', '--volumes', ofEngine], { reject: false })
    if (image !== '') await execa('docker', ['image', 'rm', image], { reject: false })
  }
}

// Pushes the node image to a registry on loopback, the only address at which the engine trusts a registry without TLS.
// Returns the image with tag and digest.
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
  if (digest === undefined) throw new Error(`docker push printed no digest: ${stdout}`)
  return `${tagged}@${digest}`
}

async function hasImage(image: string): Promise<boolean> {
  const { exitCode } = await execa('docker', ['image', 'inspect', image], { reject: false })
  return exitCode === 0
}
