import { localModeClaim, podSettingClaim } from '../claims.ts'
import type { Field } from './field.ts'
import { anExternalEtcd, encryptedMetrics } from './objections.ts'

const rendered = "It is in the cluster's kubeadm-config, from which kubeadm renders the static pods (step kubeadm)"
const certificates = 'kubeadm renews certificates and keeps the names in them (step kubeadm)'
const addons =
  'The KubeadmControlPlane controller upgrades the addons; the image is loaded with the others (step image-list)'

const sources = [
  'fieldRef',
  'fieldRef.apiVersion',
  'fieldRef.fieldPath',
  'resourceFieldRef',
  'resourceFieldRef.containerName',
  'resourceFieldRef.resource',
  'resourceFieldRef.divisor',
  'configMapKeyRef',
  'configMapKeyRef.name',
  'configMapKeyRef.key',
  'configMapKeyRef.optional',
  'secretKeyRef',
  'secretKeyRef.name',
  'secretKeyRef.key',
  'secretKeyRef.optional',
  'fileKeyRef',
  'fileKeyRef.volumeName',
  'fileKeyRef.path',
  'fileKeyRef.key',
  'fileKeyRef.optional',
]
const environment = ['[].name', '[].value', '[].valueFrom', ...sources.map((source) => `[].valueFrom.${source}`)]
const volume = ['name', 'hostPath', 'mountPath', 'readOnly', 'pathType'].map((name) => `[].${name}`)
/** The fields of an argument of a program. */
export const argument = ['[].name', '[].value']

function component(name: string): Field[] {
  return [
    { path: `${name}.extraArgs`, below: argument, kept: rendered, claim: podSettingClaim([name, 'extraArgs']) },
    { path: `${name}.extraVolumes`, below: volume, kept: rendered, claim: podSettingClaim([name, 'extraVolumes']) },
    { path: `${name}.extraEnvs`, below: environment, kept: rendered, claim: podSettingClaim([name, 'extraEnvs']) },
  ]
}

const fields: Field[] = [
  { path: 'etcd.local.imageRepository', kept: rendered },
  { path: 'etcd.local.imageTag', kept: rendered },
  { path: 'etcd.local.dataDir', kept: `${rendered}; the place of the data is read from etcd's manifest (observe.sh)` },
  {
    path: 'etcd.local.extraArgs',
    below: argument,
    kept: rendered,
    objection: encryptedMetrics,
    claim: podSettingClaim(['etcd', 'local', 'extraArgs']),
  },
  {
    path: 'etcd.local.extraEnvs',
    below: environment,
    kept: rendered,
    claim: podSettingClaim(['etcd', 'local', 'extraEnvs']),
  },
  { path: 'etcd.local.serverCertSANs', kept: certificates },
  { path: 'etcd.local.peerCertSANs', kept: certificates },
  {
    path: 'etcd.external',
    below: ['endpoints', 'caFile', 'certFile', 'keyFile'],
    kept: 'An etcd outside the machines is not covered: such a machine is replaced',
    objection: anExternalEtcd,
  },
  { path: 'controlPlaneEndpoint', kept: 'Kubeconfigs keep their servers, and kubeadm-config holds it (step kubeadm)' },
  ...component('apiServer'),
  { path: 'apiServer.certSANs', kept: certificates },
  ...component('controllerManager'),
  ...component('scheduler'),
  { path: 'dns.imageRepository', kept: addons },
  { path: 'dns.imageTag', kept: addons },
  {
    path: 'certificatesDir',
    kept: `${rendered}; the cluster's CA is read from kubelet.conf where it is not in the usual place (observe.sh)`,
  },
  {
    path: 'imageRepository',
    kept: 'The new kubeadm uses it to list the images (step image-list) and to render the manifests',
  },
  {
    path: 'featureGates',
    below: ['*'],
    kept: `${rendered}; a gate that the new kubeadm does not know fails before anything changes (step image-list)`,
  },
  {
    path: 'featureGates.ControlPlaneKubeletLocalMode',
    kept: rendered,
    claim: localModeClaim,
  },
  {
    path: 'certificateValidityPeriodDays',
    kept: 'kubeadm reads it from kubeadm-config when it renews certificates (step kubeadm)',
  },
  { path: 'caCertificateValidityPeriodDays', kept: 'The CA is never created again' },
  {
    path: 'encryptionAlgorithm',
    kept: 'kubeadm reads it from kubeadm-config when it renews certificates (step kubeadm)',
  },
]

/** The ClusterConfiguration of a KubeadmConfig. kubeadm join does not read the one of a worker. */
export const clusterConfiguration: readonly Field[] = fields.map((field) => ({
  ...field,
  path: `clusterConfiguration.${field.path}`,
  roles: ['control-plane'],
}))
