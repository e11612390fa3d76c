import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { execa } from 'execa'
import { extensionImage } from '../../scripts/lab/cluster/extension-image.ts'
import { type ReleaseServer, serveReleases } from '../../scripts/lab/cluster/release-server.ts'
import { loadImage, type Management, managementUp } from '../../scripts/lab/verbs/management.ts'
import { type Condition, type Kube, type KubeObject, kubeWith } from './kube.ts'
import { until } from './until.ts'
import type { Shape } from './workload.ts'

// A management cluster with Cluster API, and the extension in it as its users have it.
export interface Site {
  management: Management
  kube: Kube
  close(): Promise<void>
}

export const system = 'capd-kubeadm-upgrader-system'
export const extension = 'capd-kubeadm-upgrader'
export const certificate = `${extension}-tls`
// Namespaces with this label are the extension's.
export const enabled: Record<string, string> = { 'capd-kubeadm-upgrader': 'enabled' }

const port = 8743

const root = join(import.meta.dirname, '../..')

export async function setSite(): Promise<Site> {
  const management = await managementUp()
  const kube = kubeWith(management, management.kubeconfig)
  const releases = await serveOnce(management)
  const image = await namedAfterContent(await extensionImage())
  await loadImage(management, image)
  const url = 'folder' in management.releases ? `http://${management.gateway}:${port}/release` : management.releases.url
  await deploy(management, kube, image, url)
  return { management, kube, close: async () => releases?.close() }
}

// The server of releases, where one is needed. All runs have the same port: one that is begun beside another uses the
// other's server, because there is one extension for both.
async function serveOnce({ gateway, releases }: Management): Promise<ReleaseServer | undefined> {
  if (!('folder' in releases)) return undefined
  return serveReleases({ host: gateway, port, ...releases }).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code !== 'EADDRINUSE') throw thrown
    return undefined
  })
}

// The image under a tag that changes with it: pods of an older one are then replaced.
async function namedAfterContent(image: string): Promise<string> {
  const { stdout: id } = await execa('docker', ['image', 'inspect', '--format={{.Id}}', image])
  const name = `${extension}:${id.replace('sha256:', '').slice(0, 12)}`
  await execa('docker', ['tag', image, name])
  return name
}

// What the README says, with an overlay for what is of this place: the image, the server of releases, and leave for
// misbehaviour.
async function deploy({ kubectl, kubeconfig }: Management, kube: Kube, image: string, url: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'capd-kubeadm-upgrader-'))
  const [newName, newTag] = image.split(':')
  const env = [
    { name: 'UPGRADER_BINARIES_URL', value: url },
    { name: 'UPGRADER_FAULTS', value: 'allow' },
  ]
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: extension, namespace: system },
    spec: { template: { spec: { containers: [{ name: 'upgrader', env }] } } },
  }
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: [relative(folder, join(root, 'kind-config'))],
    images: [{ name: extension, newName, newTag }],
    patches: [{ patch: JSON.stringify(deployment) }],
  }
  try {
    await writeFile(join(folder, 'kustomization.yaml'), JSON.stringify(kustomization))
    if (!(await kube.find('secret', certificate, `-n=${system}`))) {
      const flags = [`--kubeconfig=${kubeconfig}`, `--kubectl=${kubectl}`]
      await execa(process.execPath, ['scripts/certificates.ts', ...flags], { cwd: root })
    }
    await kube.run(['apply', '--server-side', '--force-conflicts', '-k', folder])
  } finally {
    await rm(folder, { recursive: true })
  }
  await rolledOut(kube)
  await untilDiscovered(kube)
}

interface ExtensionConfig extends KubeObject {
  status?: { conditions?: Condition[] }
}

// Asks for a misbehaviour on a cluster, or for none any more; other clusters are not concerned. Cluster API's core
// manager has seen it when this resolves.
export async function askForFault(kube: Kube, { namespace, name }: Shape, fault: string | null): Promise<void> {
  await kube.patch('extensionconfig', extension, '', { spec: { settings: { [`fault/${namespace}/${name}`]: fault } } })
  await untilDiscovered(kube)
}

// Lets discovery fail, or not any more, and lets Cluster API notice.
export async function discoveryFails({ kube }: Site, fails: boolean): Promise<void> {
  const value = fails ? 'discovery-fails' : 'allow'
  await kube.run(['set', 'env', `deployment/${extension}`, `-n=${system}`, `UPGRADER_FAULTS=${value}`])
  await rolledOut(kube)
  await kube.run(['annotate', 'extensionconfig', extension, '--overwrite', `lab/discovered-anew=${Date.now()}`])
}

// The new pods serve and the old ones are gone: Cluster API keeps its connection to one of them as long as that lives.
async function rolledOut(kube: Kube): Promise<void> {
  await kube.run(['rollout', 'status', `deployment/${extension}`, `-n=${system}`, '--timeout=110s'])
  await until('the old pods of the extension are gone', 60, async () => {
    const pods = await kube.list<KubeObject>('pods', `-n=${system}`)
    return pods.every(({ metadata }) => metadata.deletionTimestamp === undefined)
  })
}

export async function untilDiscovered(kube: Kube, name = extension): Promise<void> {
  await until(
    `The ExtensionConfig ${name} is Discovered`,
    90,
    async () => {
      const { metadata, status } = await kube.get<ExtensionConfig>('extensionconfig', name)
      const found = status?.conditions?.find(({ type }) => type === 'Discovered')
      return found?.status === 'True' && found.observedGeneration === metadata.generation
    },
    () => kube.run(['get', 'extensionconfig', name, '-o=jsonpath={.status.conditions}']),
  )
}
