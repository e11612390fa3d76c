import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { execa } from 'execa'
import { extensionImage } from '../../scripts/lab/cluster/extension-image.ts'
import { type ReleaseServer, serveReleases } from '../../scripts/lab/cluster/release-server.ts'
import { loadImage, type Management, managementUp } from '../../scripts/lab/verbs/management.ts'
import { certificate, extension, rolledOut, system, untilDiscovered } from './extension.ts'
import { type Kube, kubeWith } from './kube.ts'

/** A management cluster with Cluster API, and the extension installed in it as users do. */
export interface Site {
  management: Management
  kube: Kube
  close(): Promise<void>
}

const port = 8743

const root = join(import.meta.dirname, '../..')

/** Brings up the management cluster and installs the extension, with the image of this working copy. */
export async function setSite(): Promise<Site> {
  const management = await managementUp()
  const kube = kubeWith(management, management.kubeconfig)
  const releases = await serveOnce(management)
  const image = await taggedWithId(await extensionImage())
  await loadImage(management, image)
  const url = 'folder' in management.releases ? `http://${management.gateway}:${port}/release` : management.releases.url
  await deploy(management, kube, image, url)
  return { management, kube, close: async () => releases?.close() }
}

// Serves releases where dl.k8s.io is out of reach. All runs share one port, because they share the extension: a second run
// uses the server of the first.
async function serveOnce({ gateway, releases }: Management): Promise<ReleaseServer | undefined> {
  if (!('folder' in releases)) return undefined
  return serveReleases({ host: gateway, port, ...releases }).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code !== 'EADDRINUSE') throw thrown
    return undefined
  })
}

// Tags the image with its id, so that pods with an older image are replaced.
async function taggedWithId(image: string): Promise<string> {
  const { stdout: id } = await execa('docker', ['image', 'inspect', '--format={{.Id}}', image])
  const name = `${extension}:${id.replace('sha256:', '').slice(0, 12)}`
  await execa('docker', ['tag', image, name])
  return name
}

// Applies the manifests of the installation, with an overlay: the image, the release server, and misbehaviour allowed.
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
