import { clusterClass, clusterOfClass } from '../management/cluster-class.ts'
import { createNamespace } from '../management/clusters.ts'
import { certificate, extension, system, untilDiscovered } from '../management/extension.ts'
import type { Condition, Kube, KubeObject } from '../management/kube.ts'
import { type CapiMachine, condition, machinesOf } from '../management/machines.ts'
import type { Scenario, ScenarioRun } from '../management/scenario.ts'
import { until } from '../management/until.ts'
import type { File, Shape } from '../management/workload.ts'

// From Cluster API's e2e configuration (wait-control-plane) and its framework (conditions).
const limitSeconds = 600
const conditionSeconds = 300

const path = '/tmp/test'
const contents = ['first', 'second', 'third', 'fourth', 'five'].map((nth) => `${nth} in-place update`)

// Source: CAPI v1.14.2 test/e2e/cluster_in_place_update.go, and the flavor in-memory-topology in
// test/e2e/data/infrastructure-docker/main. The steps are repeated here because the framework needs a management cluster that
// it has created, and its ClusterClass needs the test extension, which must not match the same namespace.
/** The scenario "upstream". */
export const upstream: Scenario = {
  on: 'management cluster',
  proves:
    "Cluster API's own in-place test: on machines of CAPD's in-memory backend, with this extension instead of the test extension, five changes of files through the topology are in-place updates, and no machine is replaced.",
  async run(run) {
    const { name, cluster, kube, site, timeline, expect } = run
    const shape: Shape = { namespace: name, name: cluster, version: site.management.from, controlPlanes: 3, workers: 1 }
    await createNamespace(kube, name, name, {})
    await kube.apply([extensionConfig(name)])
    try {
      await untilDiscovered(kube, own)
      await create(kube, shape)
      const names = namesOf(await machinesOf(kube, name, cluster))
      for (const [i, content] of contents.entries()) {
        timeline.note(`change ${i + 1}: ${path} is "${content}"`)
        await change(run, shape, content, names)
      }
      const simulated = timeline.entries.filter(({ message }) => message.includes('simulated: step'))
      expect(
        names.every((one) => simulated.some(({ machine }) => machine === one)),
        'there are machines without a simulated step',
      )
    } finally {
      await kube.run(['delete', 'extensionconfig', own, '--ignore-not-found'])
    }
  },
}

// Like Cluster API's test, this one has its own ExtensionConfig for its namespace, which the usual one does not select.
// Machines are simulated in no other namespace.
const own = `${extension}-upstream`

function extensionConfig(namespace: string): object {
  return {
    apiVersion: 'runtime.cluster.x-k8s.io/v1beta2',
    kind: 'ExtensionConfig',
    metadata: {
      name: own,
      annotations: { 'runtime.cluster.x-k8s.io/inject-ca-from-secret': `${system}/${certificate}` },
    },
    spec: {
      clientConfig: { service: { namespace: system, name: extension, port: 443 } },
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
      settings: { inMemory: 'simulate' },
    },
  }
}

async function create(kube: Kube, shape: Shape): Promise<void> {
  const { namespace, name, controlPlanes, workers } = shape
  const rollout = { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } } }
  await kube.apply(clusterClass(namespace, name, 'InMemory', filesVariable))
  await kube.apply(clusterOfClass(shape, name, { rollout }))
  await until(`${name}: the Cluster is available`, limitSeconds, () => isTrueWithoutMessage(kube, shape, 'Available'))
  await until(`${name}: all machines are Ready`, conditionSeconds, async () => {
    const machines = await machinesOf(kube, namespace, name)
    const ready = machines.map((machine) => condition(machine, 'Ready')).filter(hasNoMessage)
    return ready.length === controlPlanes + workers && ready.length === machines.length
  })
}

// Sets the variable and waits for everything that Cluster API's test checks.
async function change({ kube }: ScenarioRun, shape: Shape, content: string, names: string[]): Promise<void> {
  const { namespace, name } = shape
  const variables = [{ name: 'files', value: [{ path, content }] }]
  await kube.patch('cluster', name, namespace, { spec: { topology: { variables } } })
  await until(
    `${name}: "${content}" is in every KubeadmConfig, and the machines are up to date and the same`,
    limitSeconds,
    async () => {
      for (const type of ['ControlPlaneMachinesUpToDate', 'WorkerMachinesUpToDate']) {
        if (!(await isTrueWithoutMessage(kube, shape, type))) return false
      }
      const machines = await machinesOf(kube, namespace, name)
      if (namesOf(machines).join() !== names.join()) return false
      const files = await Promise.all(machines.map((machine) => filesOf(kube, machine)))
      return files.every((given) => given.some((file) => file.path === path && file.content === content))
    },
    () => kube.run(['get', 'machines', `-n=${namespace}`]),
  )
}

async function isTrueWithoutMessage(kube: Kube, { namespace, name }: Shape, type: string): Promise<boolean> {
  const { status } = await kube.get<{ status?: { conditions?: Condition[] } }>('cluster', name, `-n=${namespace}`)
  return hasNoMessage(status?.conditions?.find((found) => found.type === type))
}

function hasNoMessage(found: Condition | undefined): boolean {
  return found?.status === 'True' && !found.message
}

async function filesOf(kube: Kube, { metadata, spec }: CapiMachine): Promise<File[]> {
  const config = ['kubeadmconfig', spec.bootstrap.configRef.name, `-n=${metadata.namespace}`]
  return (await kube.get<KubeObject & { spec: { files?: File[] } }>(...config)).spec.files ?? []
}

function namesOf(machines: CapiMachine[]): string[] {
  return machines.map(({ metadata }) => metadata.name).sort()
}

const text = { type: 'string' }

// Adds the files of the Cluster's variable to all machines.
const filesVariable = {
  variables: [
    {
      name: 'files',
      required: false,
      schema: {
        openAPIV3Schema: { type: 'array', items: { type: 'object', properties: { path: text, content: text } } },
      },
    },
  ],
  patches: [
    {
      name: 'files',
      enabledIf: '{{ if .files }}true{{ end }}',
      definitions: [
        patch('controlplane', 'KubeadmControlPlaneTemplate', 'kubeadmConfigSpec/', { controlPlane: true }),
        patch('bootstrap', 'KubeadmConfigTemplate', '', { machineDeploymentClass: { names: ['workers'] } }),
      ],
    },
  ],
}

function patch(group: string, kind: string, below: string, matchResources: object): object {
  const entry =
    '- {path: {{ .path | quote }}, content: {{ .content | quote }}, owner: "root:root", permissions: "0600"}'
  const template = `{{ range .files }}${entry}\n{{ end }}`
  return {
    selector: { apiVersion: `${group}.cluster.x-k8s.io/v1beta2`, kind, matchResources },
    jsonPatches: [{ op: 'add', path: `/spec/template/spec/${below}files`, valueFrom: { template } }],
  }
}
