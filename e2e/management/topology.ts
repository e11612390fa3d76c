import type { Shape } from './workload.ts'

// The machine kinds of the Docker provider: DevMachine with its docker backend, and DockerMachine (up to CAPI v1.14).
export type Flavor = 'Dev' | 'Docker'

const core = 'cluster.x-k8s.io'
const infrastructure = `infrastructure.${core}/v1beta2`
const bootstrap = `bootstrap.${core}/v1beta2`
const controlPlane = `controlplane.${core}/v1beta2`

// A ClusterClass whose machine image does not depend on the version, and its templates. CAPD then picks the image of the
// version when it makes a machine, and leaves a machine that is there alone.
export function clusterClass(namespace: string, name: string, flavor: Flavor): object[] {
  const machine = flavor === 'Dev' ? { backend: { docker: {} } } : {}
  const metadata = { name, namespace }
  const template = (apiVersion: string, kind: string) => ({ templateRef: { apiVersion, kind, name } })
  const machineTemplate = template(infrastructure, `${flavor}MachineTemplate`)
  return [
    {
      apiVersion: infrastructure,
      kind: `${flavor}ClusterTemplate`,
      metadata,
      spec: { template: { spec: machine } },
    },
    { apiVersion: infrastructure, kind: `${flavor}MachineTemplate`, metadata, spec: { template: { spec: machine } } },
    {
      apiVersion: controlPlane,
      kind: 'KubeadmControlPlaneTemplate',
      metadata,
      spec: {
        template: {
          spec: {
            kubeadmConfigSpec: { clusterConfiguration: { apiServer: { certSANs: ['localhost', '127.0.0.1'] } } },
            rollout: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0 } } },
          },
        },
      },
    },
    {
      apiVersion: bootstrap,
      kind: 'KubeadmConfigTemplate',
      metadata,
      spec: { template: { spec: { format: 'cloud-config' } } },
    },
    {
      apiVersion: `${core}/v1beta2`,
      kind: 'ClusterClass',
      metadata,
      spec: {
        infrastructure: template(infrastructure, `${flavor}ClusterTemplate`),
        controlPlane: {
          ...template(controlPlane, 'KubeadmControlPlaneTemplate'),
          machineInfrastructure: machineTemplate,
        },
        workers: {
          machineDeployments: [
            {
              class: 'workers',
              bootstrap: template(bootstrap, 'KubeadmConfigTemplate'),
              infrastructure: machineTemplate,
              rollout: {
                strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
              },
            },
          ],
        },
      },
    },
  ]
}

// A Cluster that is made from a ClusterClass.
export function clusterOfClass(
  { namespace, name, version, controlPlanes, workers }: Shape,
  className: string,
): object[] {
  return [
    {
      apiVersion: `${core}/v1beta2`,
      kind: 'Cluster',
      metadata: { name, namespace },
      spec: {
        clusterNetwork: {
          services: { cidrBlocks: ['10.128.0.0/16'] },
          pods: { cidrBlocks: ['10.244.0.0/16'] },
          serviceDomain: 'cluster.local',
        },
        topology: {
          classRef: { name: className },
          version,
          controlPlane: { replicas: controlPlanes },
          workers: { machineDeployments: [{ class: 'workers', name: 'workers', replicas: workers }] },
        },
      },
    },
  ]
}
