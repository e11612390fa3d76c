import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import type { Checks, Scenario } from '../management/scenario.ts'
import { nameVersion } from '../player/control-plane-controller.ts'
import { type EngineRelay, withRelay } from '../player/engine-relay.ts'
import { machineOf, onStage, type Stage } from '../player/stage.ts'
import { type RequestOverrides, type SyncResult, syncOf } from '../player/sync.ts'
import { shellIn } from '../witness/exec.ts'
import type { Role } from '../witness/role.ts'
import { snapshot } from '../witness/snapshot.ts'
import { changes } from '../witness/verify.ts'

interface Trouble {
  name: string
  role: Role
  code: string
  /** Fields of the start request that differ. */
  overrides?: RequestOverrides
  provoke?(machine: string): Promise<unknown> | unknown
  undo?(machine: string): Promise<unknown> | unknown
}

const withinMs = 120_000
const state = '/var/lib/capd-kubeadm-upgrader'

/** The scenario "trouble". */
export const trouble: Scenario = {
  on: 'lab',
  proves:
    'What is wrong outside of the updater is reported with its error code and changes nothing on the machine; once it is gone, the upgrade continues by itself.',
  run: ({ expect }) => provokeAll(expect),
}

function provokeAll(expect: Checks['expect']): Promise<void> {
  return withRelay((relay, environment) =>
    onStage({ fresh: true, environment }, async (stage) => {
      await nameVersion(stage.lab.controlPlane, stage.lab.to)
      for (const fault of faultsOn(stage, relay)) {
        for (const problem of await provoke(stage, fault)) expect(false, problem)
      }
    }),
  )
}

function faultsOn({ releases }: Stage, relay: EngineRelay): Trouble[] {
  if (!releases)
    throw new Error('This scenario needs the release server of the lab, because dl.k8s.io cannot be made to misbehave.')
  const download = (fault: Parameters<typeof releases.faults.set>[1]) => ({
    role: 'worker' as const,
    provoke: () => releases.faults.set('kubelet', fault),
    undo: () => releases.faults.delete('kubelet'),
  })
  const docker = (verb: string) => (machine: string) => execa('docker', [verb, machine])
  const worker = { role: 'worker' as const }
  return [
    {
      name: 'container missing',
      ...worker,
      code: 'CONTAINER_MISSING',
      overrides: { providerID: 'docker:////no-such-machine' },
    },
    {
      name: 'container of another cluster',
      ...worker,
      code: 'CONTAINER_OF_OTHER_CLUSTER',
      overrides: { clusterName: 'other' },
    },
    { name: 'version down', ...worker, code: 'MACHINE_NEWER', overrides: { version: 'v1.33.5' } },
    { name: 'engine down', ...worker, code: 'ENGINE_UNREACHABLE', provoke: relay.close, undo: relay.open },
    {
      name: 'container paused',
      ...worker,
      code: 'CONTAINER_PAUSED',
      provoke: docker('pause'),
      undo: docker('unpause'),
    },
    {
      name: 'too little space',
      ...worker,
      code: 'SPACE_SHORT',
      provoke: (machine) => shellIn(machine, `mkdir -p ${state} && mount -t tmpfs -o size=64m tmpfs ${state}`),
      undo: (machine) => shellIn(machine, `umount ${state} && rm -rf ${state}`),
    },
    { name: 'download 404', code: 'DOWNLOAD_NOT_FOUND', ...download({ kind: 'not-found' }) },
    {
      name: 'download cut off',
      code: 'DOWNLOAD_BROKEN',
      ...download({ kind: 'cut', afterBytes: 1_000_000 }),
    },
    { name: 'wrong checksum', code: 'CHECKSUM_WRONG', ...download({ kind: 'wrong-checksum' }) },
    {
      name: 'container stopped',
      ...worker,
      code: 'CONTAINER_STOPPED',
      provoke: docker('stop'),
      undo: docker('start'),
    },
    {
      name: 'kubeadm fails',
      role: 'control-plane',
      code: 'KUBEADM_FAILED',
      provoke: (machine) =>
        shellIn(machine, 'mkdir -p /etc/kubernetes/tmp && mount -t tmpfs -o ro tmpfs /etc/kubernetes/tmp'),
      undo: (machine) => shellIn(machine, 'umount /etc/kubernetes/tmp'),
    },
  ]
}

async function provoke(stage: Stage, fault: Trouble): Promise<string[]> {
  const machine = machineOf(stage, fault.role)
  await reset(stage, machine)
  const before = await untilReady(stage, machine)
  await fault.provoke?.(machine)
  const seen = await until(
    stage,
    fault,
    ({ message, code }) => code === fault.code || message.includes(`(${fault.code})`),
  )
  await fault.undo?.(machine)
  const after = await untilReady(stage, machine)
  const found: string[] = []
  if (!seen) found.push(`${fault.name}: ${fault.code} was not reported within ${withinMs / 1000} s`)
  // A container that was stopped has new processes. Its programs are compared in any case.
  if (fault.code !== 'CONTAINER_STOPPED')
    found.push(...changes(before, after).map((what) => `${fault.name}: ${what} changed`))
  if (JSON.stringify(before.files) !== JSON.stringify(after.files)) found.push(`${fault.name}: /usr/bin changed`)
  if (
    !fault.overrides &&
    !(await until(stage, fault, ({ phase, message }) => phase !== 'Failed' && !message.includes(fault.code)))
  ) {
    found.push(`${fault.name}: the upgrade did not continue after the fault`)
  }
  console.log(
    `  ${found.length === 0 ? 'passed' : 'FAILED'}  ${fault.name}: ${seen?.message ?? 'nothing was reported'}`,
  )
  return found
}

// Removes everything of the previous fault, so that a new process starts the upgrade again.
async function reset(stage: Stage, machine: string): Promise<void> {
  await stage.restart('SIGKILL')
  const units = "'capd-kubeadm-upgrader-*'"
  await shellIn(machine, `systemctl stop ${units}; systemctl reset-failed ${units}; rm -rf ${state}`)
}

async function until(
  stage: Stage,
  fault: Trouble,
  holds: (synced: SyncResult) => boolean,
): Promise<SyncResult | undefined> {
  for (const limit = Date.now() + withinMs; Date.now() < limit; await sleep(200)) {
    const synced = await syncOf(stage, fault.role, fault.overrides)
    if (holds(synced)) return synced
  }
  return undefined
}

async function untilReady(stage: Stage, machine: string) {
  for (const limit = Date.now() + withinMs; ; await sleep(1000)) {
    const seen = await snapshot(machine, stage.lab.controlPlane).catch(() => undefined)
    if (seen?.node.ready && Object.values(seen.pods).every(({ ready }) => ready)) return seen
    if (Date.now() > limit) throw new Error(`${machine} was not Ready within ${withinMs / 1000} s`)
  }
}
