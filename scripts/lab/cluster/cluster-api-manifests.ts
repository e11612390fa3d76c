import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { run } from '../../host/run.ts'
import { moduleFolder, type Provider, providers } from '../build/cluster-api.ts'
import { providerImage } from '../build/cluster-api-images.ts'
import { type WebhookCertificate, webhookCertificate } from './webhook-certificate.ts'

// A Kubernetes object of any kind, as far as it is looked at here.
export interface Manifest {
  apiVersion: string
  kind: string
  metadata: { name: string; namespace?: string; annotations?: Record<string, string> }
  // biome-ignore lint/suspicious/noExplicitAny: every kind has another one.
  spec?: any
  type?: string
  data?: Record<string, string>
  webhooks?: { clientConfig: WebhookClient }[]
}

interface WebhookClient {
  caBundle?: string
}

// What clusterctl would ask the environment for; everything else has its default.
export const settings: Record<string, string> = {
  CLUSTER_TOPOLOGY: 'true',
  EXP_RUNTIME_SDK: 'true',
  EXP_IN_PLACE_UPDATES: 'true',
}

// All providers' objects, ready to be applied: what clusterctl and cert-manager would do with them is done here.
export async function clusterApiManifests(kubectl: string): Promise<Manifest[]> {
  const all: Manifest[] = []
  for (const provider of providers) all.push(...(await manifests(kubectl, provider)))
  return all
}

async function manifests(kubectl: string, provider: Provider) {
  const folder = join(await moduleFolder(provider.module), provider.folder, 'config/default')
  const text = await run(kubectl, ['kustomize', folder])
  const filled = text.replaceAll(/\$\{(\w+):=(.*?)\}/g, (_, name, byDefault) => settings[name] ?? byDefault)
  const objects: Manifest[] = parseAllDocuments(filled).map((document) => document.toJS())
  for (const { kind, spec } of objects) {
    if (kind !== 'Deployment') continue
    const [container] = spec.template.spec.containers
    Object.assign(container, { image: providerImage(provider), imagePullPolicy: 'IfNotPresent' })
  }
  return withCertificates(objects)
}

// Makes a Secret of each Certificate, and tells whoever is to trust it.
async function withCertificates(objects: Manifest[]) {
  const made: Record<string, WebhookCertificate> = {}
  for (const { kind, metadata, spec } of objects) {
    if (kind === 'Certificate') made[`${metadata.namespace}/${metadata.name}`] = await webhookCertificate(spec.dnsNames)
  }
  for (const object of objects) {
    const certificate = made[object.metadata.annotations?.['cert-manager.io/inject-ca-from'] ?? '']
    if (!certificate) continue
    const caBundle = base64(certificate.cert)
    for (const client of webhookClients(object)) client.caBundle = caBundle
  }
  return objects.filter(({ kind }) => kind !== 'Issuer').map((object) => asSecret(object, made) ?? object)
}

function webhookClients({ webhooks = [], spec }: Manifest): WebhookClient[] {
  const conversion: WebhookClient | undefined = spec?.conversion?.webhook?.clientConfig
  return [...webhooks.map(({ clientConfig }) => clientConfig), ...(conversion ? [conversion] : [])]
}

function asSecret({ kind, metadata, spec }: Manifest, made: Record<string, WebhookCertificate>): Manifest | undefined {
  const certificate = made[`${metadata.namespace}/${metadata.name}`]
  if (kind !== 'Certificate' || !certificate) return
  const { cert, key } = certificate
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: spec.secretName, namespace: metadata.namespace ?? '' },
    type: 'kubernetes.io/tls',
    data: { 'tls.crt': base64(cert), 'tls.key': base64(key), 'ca.crt': base64(cert) },
  }
}

function base64(text: string) {
  return Buffer.from(text).toString('base64')
}
