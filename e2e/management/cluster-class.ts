import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Document, parseAllDocuments } from 'yaml'
import { moduleFolder } from '../../scripts/lab/build/cluster-api.ts'
import { clusterApiRelease } from '../../scripts/lab/host/cluster-api-releases.ts'
import { type ClusterShape, withoutPulls } from './workload.ts'

/**
 * The kinds of machines of the Docker provider: DevMachine with the docker backend, DevMachine with the in-memory backend,
 * which runs no machine, and DockerMachine (up to CAPI v1.14).
 */
export type Flavor = keyof typeof flavors

const core = 'cluster.x-k8s.io'
const infrastructure = `infrastructure.${core}/v1beta2`
const bootstrap = `bootstrap.${core}/v1beta2`
const controlPlane = `controlplane.${core}/v1beta2`

const flavors = {
  Dev: { kind: 'Dev', machine: { backend: { docker: {} } } },
  InMemory: { kind: 'Dev', machine: { backend: { inMemory: {} } } },
  Docker: { kind: 'Docker', machine: {} },
} as const

/**
 * A ClusterClass and its templates. Its machine image does not depend on the version: CAPD picks the image of the version when
 * it creates a machine, and does not touch existing machines. `more` is added to the spec of the class.
 */
export function clusterClass(namespace: string, name: string, flavor: Flavor, more: object = {}): object[] {
  const { kind, machine } = flavors[flavor]
  const metadata = { name, namespace }
  const template = (apiVersion: string, kind: string) => ({ templateRef: { apiVersion, kind, name } })
  const machineTemplate = template(infrastructure, `${kind}MachineTemplate`)
  return [
    {
      apiVersion: infrastructure,
      kind: `${kind}ClusterTemplate`,
      metadata,
      spec: { template: { spec: machine } },
    },
    { apiVersion: infrastructure, kind: `${kind}MachineTemplate`, metadata, spec: { template: { spec: machine } } },
    {
      apiVersion: controlPlane,
      kind: 'KubeadmControlPlaneTemplate',
      metadata,
      spec: {
        template: {
          spec: {
            kubeadmConfigSpec: withoutPulls({
              clusterConfiguration: { apiServer: { certSANs: ['localhost', '127.0.0.1'] } },
            }),
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
        ...more,
        infrastructure: template(infrastructure, `${kind}ClusterTemplate`),
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

/** CAPD's own class, which Cluster API's quick start uses. Its customImage depends on the version. */
export const quickStart = { class: 'quick-start', workers: 'default-worker' }

/** The manifests of that class and its templates. Its control plane machines pull no images, as in `withoutPulls`. */
export async function quickStartClass(): Promise<string> {
  const module = await moduleFolder(clusterApiRelease(), 'sigs.k8s.io/cluster-api/test')
  const file = join(module, 'infrastructure/docker/templates/clusterclass-quick-start.yaml')
  return parseAllDocuments(await readFile(file, 'utf8'))
    .map(withoutPullsIn)
    .join('')
}

function withoutPullsIn(manifest: Document): string {
  if (manifest.get('kind') === 'KubeadmControlPlaneTemplate') {
    for (const kind of ['initConfiguration', 'joinConfiguration']) {
      const path = ['spec', 'template', 'spec', 'kubeadmConfigSpec', kind, 'nodeRegistration', 'imagePullPolicy']
      manifest.setIn(path, 'Never')
    }
  }
  return String(manifest)
}

/** A Cluster with a topology of a ClusterClass. `more` overrides fields of its workers. */
export function clusterOfClass(
  { namespace, name, version, controlPlanes, workers }: ClusterShape,
  className: string,
  more: object = {},
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
          workers: { machineDeployments: [{ class: 'workers', name: 'workers', replicas: workers, ...more }] },
        },
      },
    },
  ]
}
