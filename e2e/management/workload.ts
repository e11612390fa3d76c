/** A workload cluster of the Docker provider. */
export interface Shape {
  namespace: string
  name: string
  version: string
  controlPlanes: number
  workers: number
  /** Machines of a second MachineDeployment; none by default. */
  more?: number
  /** maxSurge: with 1 a new machine is created before an old one goes; 0 by default. */
  surge?: 0 | 1
  /** Images of the engine that CAPD loads into each new worker. */
  preLoadImages?: string[]
  /** Images of the engine that CAPD loads into each new control plane machine. */
  controlPlaneImages?: string[]
  /** The image of all machines; by default the one that CAPD picks for the version. */
  image?: string
  /** More top-level fields of the KubeadmConfig, by role. */
  configs?: { controlPlane?: object; workers?: object }
}

interface KubeadmConfigSpec {
  initConfiguration?: object
  joinConfiguration?: object
  [field: string]: unknown
}

/** A file of a KubeadmConfig. */
export interface File {
  path: string
  content: string
  owner?: string
  permissions?: string
  encoding?: string
}

/** The name of a cluster's KubeadmControlPlane. */
export const controlPlaneOf = (cluster: string) => `${cluster}-control-plane`
/** The name of a cluster's MachineDeployment. */
export const workersOf = (cluster: string) => `${cluster}-workers`
/** The name of a cluster's second MachineDeployment. */
export const moreOf = (cluster: string) => `${cluster}-more`

/** The MachineDeployments of a cluster, with their sizes. */
export function poolsOf({ name, workers, more = 0 }: Shape) {
  const pools = [
    { pool: workersOf(name), replicas: workers },
    { pool: moreOf(name), replicas: more },
  ]
  return pools.filter(({ replicas }) => replicas > 0)
}

const core = 'cluster.x-k8s.io'
const bootstrap = `bootstrap.${core}`
const infrastructure = `infrastructure.${core}`
const controlPlane = `controlplane.${core}`
const contract = 'v1beta2'

/** The objects of a cluster. They include no pod network, because the machine images have one. */
export function cluster(shape: Shape): object[] {
  const { namespace, name, version, controlPlanes, surge = 0, image, controlPlaneImages, configs } = shape
  const metadata = (called: string) => ({ name: called, namespace })
  return [
    {
      apiVersion: `${core}/${contract}`,
      kind: 'Cluster',
      metadata: metadata(name),
      spec: {
        clusterNetwork: {
          services: { cidrBlocks: ['10.128.0.0/16'] },
          pods: { cidrBlocks: ['10.244.0.0/16'] },
          serviceDomain: 'cluster.local',
        },
        controlPlaneRef: { apiGroup: controlPlane, kind: 'KubeadmControlPlane', name: controlPlaneOf(name) },
        infrastructureRef: { apiGroup: infrastructure, kind: 'DevCluster', name },
      },
    },
    {
      apiVersion: `${infrastructure}/${contract}`,
      kind: 'DevCluster',
      metadata: metadata(name),
      spec: { backend: { docker: {} } },
    },
    machineTemplate(namespace, controlPlaneOf(name), imagesOf(image, controlPlaneImages)),
    {
      apiVersion: `${controlPlane}/${contract}`,
      kind: 'KubeadmControlPlane',
      metadata: metadata(controlPlaneOf(name)),
      spec: {
        replicas: controlPlanes,
        version,
        machineTemplate: {
          spec: {
            infrastructureRef: { apiGroup: infrastructure, kind: 'DevMachineTemplate', name: controlPlaneOf(name) },
          },
        },
        kubeadmConfigSpec: withoutPulls({
          clusterConfiguration: { apiServer: { certSANs: ['localhost', '127.0.0.1'] } },
          ...configs?.controlPlane,
        }),
        // Cluster API refuses maxSurge 0 with fewer than three machines.
        rollout: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: controlPlanes < 3 ? 1 : surge } } },
      },
    },
    ...poolsOf(shape).flatMap(({ pool, replicas }) => machineDeployment(shape, pool, replicas)),
  ]
}

/**
 * Adds to the KubeadmConfig of a control plane that kubeadm pulls no images. Machine images contain what a machine runs, and
 * of pause only containerd's version, as kind's do; kubeadm would also pull its own version of pause, which nothing uses.
 */
export function withoutPulls(spec: KubeadmConfigSpec): KubeadmConfigSpec {
  const nodeRegistration = { imagePullPolicy: 'Never' }
  return {
    ...spec,
    initConfiguration: { nodeRegistration, ...spec.initConfiguration },
    joinConfiguration: { nodeRegistration, ...spec.joinConfiguration },
  }
}

function imagesOf(customImage?: string, preLoadImages?: string[]) {
  return { ...(preLoadImages && { preLoadImages }), ...(customImage && { customImage }) }
}

// A MachineDeployment and its two templates, which have the same name.
function machineDeployment(shape: Shape, pool: string, replicas: number): object[] {
  const { namespace, name, version, surge = 0, preLoadImages, image, configs } = shape
  return [
    machineTemplate(namespace, pool, imagesOf(image, preLoadImages)),
    bootstrapTemplate(namespace, pool, configs?.workers ?? {}),
    {
      apiVersion: `${core}/${contract}`,
      kind: 'MachineDeployment',
      metadata: { name: pool, namespace },
      spec: {
        clusterName: name,
        replicas,
        selector: { matchLabels: { pool } },
        rollout: {
          strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: surge, maxUnavailable: surge === 0 ? 1 : 0 } },
        },
        template: {
          metadata: { labels: { pool } },
          spec: {
            clusterName: name,
            version,
            bootstrap: { configRef: { apiGroup: bootstrap, kind: 'KubeadmConfigTemplate', name: pool } },
            infrastructureRef: { apiGroup: infrastructure, kind: 'DevMachineTemplate', name: pool },
          },
        },
      },
    },
  ]
}

/** A MachineHealthCheck that replaces a worker whose Node is not Ready for 120 s, which is longer than an update takes. */
export function healthCheck({ namespace, name }: Shape): object {
  const condition = (status: string) => ({ type: 'Ready', status, timeoutSeconds: 120 })
  return {
    apiVersion: `${core}/${contract}`,
    kind: 'MachineHealthCheck',
    metadata: { name: workersOf(name), namespace },
    spec: {
      clusterName: name,
      selector: { matchLabels: { pool: workersOf(name) } },
      checks: { unhealthyNodeConditions: [condition('False'), condition('Unknown')] },
    },
  }
}

/** A template of machines. Templates are immutable: a change needs a new one with a new name. */
export function machineTemplate(namespace: string, name: string, docker: object = {}) {
  return {
    apiVersion: `${infrastructure}/${contract}`,
    kind: 'DevMachineTemplate',
    metadata: { name, namespace },
    spec: { template: { spec: { backend: { docker } } } },
  }
}

/** A template of KubeadmConfigs. */
export function bootstrapTemplate(namespace: string, name: string, spec: object) {
  return {
    apiVersion: `${bootstrap}/${contract}`,
    kind: 'KubeadmConfigTemplate',
    metadata: { name, namespace },
    // An empty spec is refused.
    spec: { template: { spec: { format: 'cloud-config', ...spec } } },
  }
}
