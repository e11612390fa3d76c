import { argument } from './cluster-configuration.ts'
import type { Field } from './field.ts'
import { anotherRuntime, aSecondDirectory, strictPhases, uncleanDirectory, unreadableKubelet } from './objections.ts'

const bootstrapOnly = 'Read at bootstrap only, which is over'
const timeouts = [
  'controlPlaneComponentHealthCheckSeconds',
  'kubeletHealthCheckSeconds',
  'kubernetesAPICallSeconds',
  'etcdAPICallSeconds',
  'tlsBootstrapSeconds',
  'discoverySeconds',
]
const address = ['advertiseAddress', 'bindPort']
const kubeconfig = [
  'kubeConfigPath',
  'kubeConfig',
  'kubeConfig.cluster',
  'kubeConfig.cluster.server',
  'kubeConfig.cluster.tlsServerName',
  'kubeConfig.cluster.insecureSkipTLSVerify',
  'kubeConfig.cluster.certificateAuthorityData',
  'kubeConfig.cluster.proxyURL',
  'kubeConfig.user',
  'kubeConfig.user.authProvider',
  'kubeConfig.user.authProvider.name',
  'kubeConfig.user.authProvider.config',
  'kubeConfig.user.authProvider.config.*',
  'kubeConfig.user.exec',
  'kubeConfig.user.exec.command',
  'kubeConfig.user.exec.args',
  'kubeConfig.user.exec.env',
  'kubeConfig.user.exec.env[].name',
  'kubeConfig.user.exec.env[].value',
  'kubeConfig.user.exec.apiVersion',
  'kubeConfig.user.exec.provideClusterInfo',
]

// What both configurations have.
const common: Field[] = [
  { path: 'nodeRegistration.name', kept: 'It equals the name of the container, by which CAPD finds the Node' },
  {
    path: 'nodeRegistration.criSocket',
    kept: "kubeadm reads it from the Node or the kubelet's configuration (step kubeadm)",
    objection: anotherRuntime,
  },
  {
    path: 'nodeRegistration.taints',
    below: ['[].key', '[].value', '[].effect', '[].timeAdded'],
    kept: 'The Node has them, and keeps them',
  },
  {
    path: 'nodeRegistration.kubeletExtraArgs',
    below: argument,
    kept: 'They are in kubeadm-flags.env, from which only flags are removed that the new kubelet does not know (kubelet.sh)',
    objection: unreadableKubelet,
  },
  { path: 'nodeRegistration.ignorePreflightErrors', kept: bootstrapOnly },
  { path: 'nodeRegistration.imagePullPolicy', kept: 'All images are in the machine before kubeadm runs (step images)' },
  { path: 'nodeRegistration.imagePullSerial', kept: 'All images are in the machine before kubeadm runs (step images)' },
  {
    path: 'skipPhases',
    kept: 'kubeadm upgrade node creates nothing that the skipped phases would have created',
    objection: strictPhases,
  },
  {
    path: 'patches.directory',
    kept: 'The directory is passed to kubeadm each time it renders (step kubeadm)',
    objection: uncleanDirectory,
  },
  { path: 'timeouts', below: timeouts, kept: bootstrapOnly },
]

const init: Field[] = [
  ...common,
  {
    path: 'bootstrapTokens',
    below: ['token', 'description', 'ttlSeconds', 'expires', 'usages', 'groups'].map((name) => `[].${name}`),
    kept: bootstrapOnly,
  },
  {
    path: 'localAPIEndpoint',
    below: address,
    kept: "kubeadm reads it from the API server's pod (step kubeadm); the service, from controller-manager.conf",
  },
]

const join: Field[] = [
  ...common.map((field) => (field.path === 'patches.directory' ? { ...field, objection: aSecondDirectory } : field)),
  {
    path: 'caCertPath',
    kept: "The cluster's CA is read from kubelet.conf where it is not in the usual place (observe.sh)",
  },
  {
    path: 'discovery.bootstrapToken',
    below: ['token', 'apiServerEndpoint', 'caCertHashes', 'unsafeSkipCAVerification'],
    kept: `${bootstrapOnly}; the hashes identify the cluster of a machine (session.ts)`,
  },
  { path: 'discovery.file', below: kubeconfig, kept: bootstrapOnly },
  { path: 'discovery.tlsBootstrapToken', kept: bootstrapOnly },
  {
    path: 'controlPlane.localAPIEndpoint',
    below: address,
    roles: ['control-plane'],
    kept: "kubeadm reads it from the API server's pod (step kubeadm); the service, from controller-manager.conf",
  },
]

/** The InitConfiguration of a KubeadmConfig, which no worker was made with. */
export const initConfiguration: readonly Field[] = init.map((field) => ({
  ...field,
  path: `initConfiguration.${field.path}`,
  roles: ['control-plane'],
}))

/** The JoinConfiguration of a KubeadmConfig. */
export const joinConfiguration: readonly Field[] = join.map((field) => ({
  ...field,
  path: `joinConfiguration.${field.path}`,
}))
