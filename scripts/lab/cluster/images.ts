import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { interruptible } from '../../host/interruption.ts'
import { ensureImage } from '../engine/ensure-image.ts'
import { withLabLock } from '../host/lock.ts'
import { nodeImage } from '../host/names.ts'
import { providerImage, providers } from '../host/providers.ts'
import { distribution, loadBalancer } from '../host/versions.ts'

// What a build needs is loaded only where no registry has the image.

/** Ensures the machine image of a Kubernetes version, and resolves to its name. */
export function ensureNodeImage(version: string): Promise<string> {
  const name = nodeImage(version)
  const load = async () => (await import('../build/node-image.ts')).nodeImageBuild(version)
  return ensureImage({ title: name, published: name, built: [name], load })
}

/** Ensures the image of the load balancer in front of a control plane, by the name that Cluster API's Docker provider has. */
export function ensureLoadBalancerImage(): Promise<string> {
  const name = `kindest/haproxy:${loadBalancer}`
  const load = async () => (await import('../build/load-balancer-image.ts')).loadBalancerImageBuild(name)
  return ensureImage({ title: name, published: name, built: [name], load })
}

/** Ensures the images of Cluster API's providers. */
export async function ensureProviderImages(): Promise<void> {
  for (const provider of providers) {
    const name = providerImage(provider)
    const load = async () => (await import('../build/provider-image.ts')).providerImageBuild(provider)
    await ensureImage({ title: name, published: name, built: [name], load })
  }
}

/** Ensures an image that serves a registry at port 5000, without TLS, and resolves to its name. */
export function registryImage(): Promise<string> {
  const built = 'capd-kubeadm-upgrader/registry'
  return ensureImage({
    title: 'image of a registry',
    published: `registry:${distribution.slice(1)}`,
    built: [built],
    load: async () => (await import('../build/registry-image.ts')).registryImageBuild(built),
  })
}

/**
 * Ensures an image that answers HTTP at port 8080 when it runs with the argument netexec, and resolves to its name:
 * Kubernetes' own for tests, else one that does nothing else.
 */
export function servingImage(): Promise<string> {
  const built = 'capd-kubeadm-upgrader/serve:dev'
  return interruptible(() =>
    withLabLock(() =>
      ensureImage({
        title: 'image of a Pod that answers',
        published: 'registry.k8s.io/e2e-test-images/agnhost:2.53',
        built: [built],
        load: async () => (await import('../build/serving-image.ts')).servingImageBuild(built),
      }),
    ),
  )
}

/** The images that the repository's Dockerfile builds on: one with Node, and one that has npm too. */
export interface NodejsImages {
  node: string
  npm: string
}

/** Ensures the images of Node and npm, and resolves to their names: the one of the Dockerfile, else two of the lab. */
export async function ensureNodejsImages(): Promise<NodejsImages> {
  const dockerfile = await readFile(join(import.meta.dirname, '../../../Dockerfile'), 'utf8')
  const published = /^ARG NODE_IMAGE=(.+)$/m.exec(dockerfile)?.[1] ?? ''
  const built = { node: 'capd-kubeadm-upgrader/node', npm: 'capd-kubeadm-upgrader/npm' }
  const name = await ensureImage({
    title: 'images of Node and npm',
    published,
    built: [built.node, built.npm],
    load: async () => (await import('../build/nodejs-images.ts')).nodejsImagesBuild(built),
  })
  return name === published ? { node: published, npm: published } : built
}
