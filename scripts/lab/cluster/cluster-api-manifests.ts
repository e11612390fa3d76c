import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { run } from '../../host/subprocess.ts'
import { type Provider, providerImage, providers } from '../host/providers.ts'
import { type WebhookCertificate, webhookCertificate } from './webhook-certificate.ts'

/** A Kubernetes object of any kind, in part. */
export interface KubernetesObject {
  apiVersion: string
  kind: string
  metadata: { name: string; namespace?: string; annotations?: Record<string, string> }
  // biome-ignore lint/suspicious/noExplicitAny: the spec of every kind differs.
  spec?: any
  type?: string
  data?: Record<string, string>
  webhooks?: { clientConfig: WebhookClient }[]
}

interface WebhookClient {
  caBundle?: string
}

/** The variables that clusterctl reads from the environment. All others have the defaults of the manifests. */
export const settings: Record<string, string> = {
  CLUSTER_TOPOLOGY: 'true',
  EXP_RUNTIME_SDK: 'true',
  EXP_IN_PLACE_UPDATES: 'true',
}

/**
 * The objects of all providers, ready to be applied: with the variables that clusterctl replaces, and with the
 * certificates that cert-manager issues.
 */
export async function clusterApiManifests(kubectl: string): Promise<KubernetesObject[]> {
  const all: KubernetesObject[] = []
  for (const provider of providers) all.push(...(await manifests(kubectl, provider)))
  return all
}

async function manifests(kubectl: string, provider: Provider): Promise<KubernetesObject[]> {
  const { moduleFolder } = await import('../build/cluster-api.ts')
  const folder = join(await moduleFolder(provider.module), provider.folder, 'config/default')
  const text = await run`${kubectl} kustomize ${folder}`
  const replaced = text.replaceAll(/\$\{(\w+):=(.*?)\}/g, (_, name, byDefault) => settings[name] ?? byDefault)
  const objects: KubernetesObject[] = parseAllDocuments(replaced).map((document) => document.toJS())
  for (const { kind, spec } of objects) {
    if (kind !== 'Deployment') continue
    const [container] = spec.template.spec.containers
    Object.assign(container, { image: providerImage(provider), imagePullPolicy: 'IfNotPresent' })
  }
  return withCertificates(objects)
}

// Replaces each Certificate by a Secret, and sets its CA in the webhooks that name it.
async function withCertificates(objects: KubernetesObject[]): Promise<KubernetesObject[]> {
  const certificates: Record<string, WebhookCertificate> = {}
  for (const { kind, metadata, spec } of objects) {
    if (kind !== 'Certificate') continue
    certificates[`${metadata.namespace}/${metadata.name}`] = await webhookCertificate(spec.dnsNames)
  }
  for (const object of objects) {
    const certificate = certificates[object.metadata.annotations?.['cert-manager.io/inject-ca-from'] ?? '']
    if (!certificate) continue
    const caBundle = base64(certificate.cert)
    for (const client of webhookClients(object)) client.caBundle = caBundle
  }
  return objects.filter(({ kind }) => kind !== 'Issuer').map((object) => asSecret(object, certificates) ?? object)
}

function webhookClients({ webhooks = [], spec }: KubernetesObject): WebhookClient[] {
  const conversion: WebhookClient | undefined = spec?.conversion?.webhook?.clientConfig
  return [...webhooks.map(({ clientConfig }) => clientConfig), ...(conversion ? [conversion] : [])]
}

function asSecret(
  { kind, metadata, spec }: KubernetesObject,
  certificates: Record<string, WebhookCertificate>,
): KubernetesObject | undefined {
  const certificate = certificates[`${metadata.namespace}/${metadata.name}`]
  if (kind !== 'Certificate' || !certificate) return undefined
  const { cert, key } = certificate
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: spec.secretName, namespace: metadata.namespace ?? '' },
    type: 'kubernetes.io/tls',
    data: { 'tls.crt': base64(cert), 'tls.key': base64(key), 'ca.crt': base64(cert) },
  }
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}
