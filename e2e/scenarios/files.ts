import { createCluster, setFiles, untilUpToDate } from '../management/clusters.ts'
import { type CapiMachine, containerOf, machinesOf } from '../management/machines.ts'
import type { Scenario, ScenarioRun } from '../management/scenario.ts'
import { until } from '../management/until.ts'
import type { File, Shape } from '../management/workload.ts'
import { shellIn } from '../witness/exec.ts'
import type { Role } from '../witness/role.ts'

const limitSeconds = 600

/** The scenario "files". */
export const files: Scenario = {
  on: 'management cluster',
  proves:
    'Five changes of files, one after the other, reach every machine of a control plane and of a MachineDeployment: content, mode and owner are as the KubeadmConfig says, and the machines stay the same.',
  async run(run) {
    const { name, cluster, site } = run
    const { from } = site.management
    const shape: Shape = { namespace: name, name: cluster, version: from, controlPlanes: 3, workers: 2 }
    await createCluster(run, shape)
    await changeFiles(run, shape, ['control-plane', 'worker'])
  },
}

const path = '/etc/lab/one.conf'
const other = '/opt/lab/two.sh'

// The changes in their order: a new file, its content, its mode, its owner and encoding, and a second file.
const changes: File[][] = [
  [{ path, content: 'first\n', permissions: '0644' }],
  [{ path, content: 'second\n', permissions: '0644' }],
  [{ path, content: 'second\n', permissions: '0600' }],
  [
    {
      path,
      content: Buffer.from('third\n').toString('base64'),
      encoding: 'base64',
      permissions: '0600',
      owner: 'daemon:daemon',
    },
  ],
  [
    {
      path,
      content: Buffer.from('third\n').toString('base64'),
      encoding: 'base64',
      permissions: '0600',
      owner: 'daemon:daemon',
    },
    { path: other, content: '#!/bin/sh\necho two\n', permissions: '0755', owner: 'root:root' },
  ],
]

async function changeFiles(run: ScenarioRun, shape: Shape, roles: readonly Role[]): Promise<void> {
  const { kube, timeline, expect } = run
  const before = identities(await machinesOf(kube, shape.namespace, shape.name))
  for (const [i, wanted] of changes.entries()) {
    for (const role of roles) {
      timeline.note(`change ${i + 1} on the ${role} machines: ${wanted.map(({ path }) => path).join(', ')}`)
      await setFiles(run, shape, role, wanted, `${shape.name}-files-${i + 1}`)
      const machines = await untilFiles(run, shape, role, wanted)
      for (const problem of await fileProblems(machines, wanted)) expect(false, `change ${i + 1}: ${problem}`)
    }
  }
  const after = identities(await machinesOf(kube, shape.namespace, shape.name))
  expect(after.join() === before.join(), `the machines are not the same: ${before.join(', ')} and ${after.join(', ')}`)
}

// Waits until the files are in each machine's KubeadmConfig and each machine is up to date.
async function untilFiles({ kube }: ScenarioRun, shape: Shape, role: Role, wanted: File[]): Promise<CapiMachine[]> {
  const hasFiles = async (machine: CapiMachine) => {
    const { spec } = await kube.get<{ spec: { files?: File[] } }>(
      'kubeadmconfig',
      machine.spec.bootstrap.configRef.name,
      `-n=${shape.namespace}`,
    )
    const given = spec.files ?? []
    return wanted.every((file) =>
      given.some((found) => Object.entries(file).every(([k, v]) => found[k as keyof File] === v)),
    )
  }
  return until(`the files are in the KubeadmConfig of every ${role} machine`, limitSeconds, async () => {
    const machines = await untilUpToDate(kube, shape, role, shape.version, limitSeconds)
    return (await Promise.all(machines.map(hasFiles))).every(Boolean) && machines
  })
}

// Reads the files in the machines.
async function fileProblems(machines: CapiMachine[], wanted: File[]): Promise<string[]> {
  const found: string[] = []
  for (const container of machines.map(containerOf)) {
    for (const { path, content, encoding, permissions = '0644', owner = 'root:root' } of wanted) {
      const text = encoding === 'base64' ? Buffer.from(content, 'base64').toString() : content
      const is = await shellIn(container, `stat -c '%a %U:%G' ${path} && cat ${path}`)
      const should = `${permissions.replace(/^0/, '')} ${owner}\n${text}`.trimEnd()
      if (is !== should)
        found.push(`${container}: ${path} is ${JSON.stringify(is)}, expected ${JSON.stringify(should)}`)
    }
  }
  return found
}

function identities(machines: CapiMachine[]): string[] {
  return machines.map(({ metadata }) => `${metadata.name} ${metadata.uid}`)
}
