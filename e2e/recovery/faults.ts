import { readFile } from 'node:fs/promises'
import { execa } from 'execa'
import { retry } from '../../scripts/host/retry.ts'
import type { EngineRelay } from '../player/engine-relay.ts'
import type { Stage } from '../player/stage.ts'
import { addressOf, inMachine, shellIn } from '../witness/exec.ts'
import type { Role } from '../witness/role.ts'
import type { Callers } from './callers.ts'
import type { FaultName, Row, Turn } from './rows.ts'
import { breakArgument, type ExpectedUndo, type FaultReport, mendArgument, untilUndone } from './undone.ts'
import type { MachineWatch } from './watch.ts'

/** What a fault acts on. */
export interface FaultContext {
  stage: Stage
  relay: EngineRelay
  callers: Callers
  machine: string
  role: Role
  /** The control plane machines of the machine's cluster. */
  members: readonly string[]
  /** The container of their load balancer; undefined when there is none. */
  balancer: string | undefined
  watch: MachineWatch
}

/** A fault that is injected and removed again. */
export interface Fault {
  /** Injects it. Returns what else to report. */
  begin(): Promise<string | undefined>
  /** How long it lasts: some seconds, or until the service reports an error (of this code), with a limit in seconds. */
  lasts: { seconds: number } | { reported: number; code?: string }
  /** Removes it. */
  end(): Promise<FaultReport>
  /** True when it is present from the start of the upgrade, and shows from its boundary on. */
  isStanding?: true
  /** True when the exchange is undone and the attempt starts again. */
  isUndoing?: true
}

const state = '/var/lib/capd-kubeadm-upgrader'
const nothing = async () => undefined
const nothingToReport = async (): Promise<FaultReport> => ({})

/** The fault of a row. Throws when the fault does not apply to the step. */
export function faultOf(row: Row, context: FaultContext): Fault {
  return faults[row.fault](row, context)
}

const faults: Record<FaultName, (row: Row, context: FaultContext) => Fault> = {
  'service-kill': (_, { stage }) => ({
    begin: async () => void (await stage.restart('SIGKILL')),
    lasts: { seconds: 0 },
    end: nothingToReport,
  }),
  'replica-kill': ({ step }, { callers }) => ({
    // The replica that has started the step.
    begin: async () =>
      callers.killOne(async ({ logFile }) => (await readFile(logFile, 'utf8')).includes(`"step":"${step}"`)),
    lasts: { seconds: 10 },
    end: () => callers.startAgain().then(nothingToReport),
  }),
  'unit-kill': ({ step }, { machine }) => ({
    begin: async () => {
      if (step === 'image-archive') await killHelper(machine)
      else await inMachine(machine, ['systemctl', 'kill', '-s', 'KILL', '--kill-whom=main', unit(step)])
      return undefined
    },
    lasts: { seconds: 0 },
    end: nothingToReport,
  }),
  'container-kill': (_, { machine, watch }) => killContainer(machine, watch),
  'disk-full': ({ step }, { machine }) => fillDisk(machine, step),
  'network-cut': (_, { machine }) => ({
    begin: async () => void (await shellIn(machine, cut.map((rule) => `iptables -I ${rule}`).join(' && '))),
    lasts: { reported: 45 },
    end: () => shellIn(machine, cut.map((rule) => `iptables -D ${rule}`).join('; ')).then(nothingToReport),
  }),
  'engine-stop': (_, { relay }) => ({
    begin: async () => void (await relay.close()),
    lasts: { seconds: 15 },
    end: () => relay.open().then(nothingToReport),
  }),
  'broken-argument': (_, context) => ({
    isStanding: true,
    isUndoing: true,
    begin: nothing,
    lasts: undoneWithin,
    end: async () => {
      const undone = await expectUndone(context, { component: 'kube-apiserver', word: brokenArgument })
      await mendArgument(context.stage.lab.controlPlane, brokenArgument)
      await endPause(context.machine)
      return undone
    },
  }),
  'broken-kubelet': (_, context) => ({
    isUndoing: true,
    // Neither YAML nor JSON. The way back replaces the file.
    begin: async () => void (await shellIn(context.machine, "printf '{\\n' >>/var/lib/kubelet/config.yaml")),
    lasts: undoneWithin,
    end: async () => {
      const undone = await expectUndone(context, { component: 'kubelet', word: 'config.yaml' })
      await endPause(context.machine)
      return undone
    },
  }),
  // The member through which the cluster is read stays.
  'member-kill': (_, { members, machine, stage }) =>
    awayFor(
      members.find((name) => name !== machine && name !== stage.lab.controlPlane),
      20,
    ),
  // Less than the time for which the exchange waits for the endpoint.
  'balancer-stop': (_, { balancer }) => awayFor(balancer, 15),
}

// Stops another container of the cluster for some seconds.
function awayFor(container: string | undefined, seconds: number): Fault {
  if (container === undefined) throw new Error('This row needs a cluster with three members.')
  return {
    begin: async () => {
      await execa('docker', ['kill', container])
      return `${container} was killed`
    },
    lasts: { seconds },
    end: () => execa('docker', ['start', container]).then(nothingToReport),
  }
}

// The service gives a new component two minutes, and the old ones one minute.
const undoneWithin = { reported: 300, code: 'EXCHANGE_UNDONE' }
// A flag that no API server has.
const brokenArgument = 'no-such-flag'

/** Prepares what the rows need at the start of the upgrade. */
export async function prepareFaults(
  turn: Turn,
  { machine, stage }: Pick<FaultContext, 'machine' | 'stage'>,
): Promise<void> {
  if (turn[0]?.step === 'manifests') await loseManifest(machine)
  if (turn.some(({ fault }) => fault === 'broken-argument')) {
    await breakArgument(stage.lab.controlPlane, brokenArgument)
  }
}

async function expectUndone(
  { callers, stage, machine, role }: FaultContext,
  expected: ExpectedUndo,
): Promise<FaultReport> {
  const message = callers.codes.get(undoneWithin.code)
  if (message === undefined) return { wrong: [`${undoneWithin.code} was not reported`] }
  return callers.pausedWhile(() => untilUndone({ stage, machine, role, message }, expected))
}

// The same request would wait for an hour. docs/how-to/troubleshoot.md describes how to end the pause.
async function endPause(machine: string): Promise<void> {
  await shellIn(machine, `rm ${state}/attempt.json`)
}

// Packets of the machine and its pods. docker exec does not need the network.
const cut = ['INPUT -i eth0 -j DROP', 'OUTPUT -o eth0 -j DROP', 'FORWARD -i eth0 -j DROP', 'FORWARD -o eth0 -j DROP']

/** The directory of the file in the rows of the step "files". */
export const filesDirectory = '/etc/recovery'

// Where each step writes more than a line. The service has to continue when there is space again.
const written: Record<string, string> = {
  binaries: `${state}/work/bin.partial`,
  images: '/var/lib/containerd/io.containerd.content.v1.content/ingest',
  prepare: '/etc/kubernetes/tmp',
  kubeadm: '/etc/kubernetes/tmp',
  kubelet: `${state}/work/previous.new`,
  files: filesDirectory,
}

// Removes a manifest, as a kubeadm does that is killed between its two renames, and fills the disk on which it is restored. The row
// of the step "manifests" only has to empty the disk.
async function loseManifest(machine: string): Promise<void> {
  const backup = 'kubeadm-backup-manifests-recovery'
  const lines = [
    'cd /etc/kubernetes/tmp 2>/dev/null || { mkdir /etc/kubernetes/tmp && cd /etc/kubernetes/tmp; }',
    `mkdir ${backup} /run/${backup} && cp -p ../manifests/kube-scheduler.yaml ${backup} && cp -p ${backup}/* /run/${backup}`,
    'mount -t tmpfs -o size=4k tmpfs /etc/kubernetes/tmp',
    `mkdir /etc/kubernetes/tmp/${backup} && cp -p /run/${backup}/* /etc/kubernetes/tmp/${backup}`,
    'rm /etc/kubernetes/manifests/kube-scheduler.yaml',
  ]
  await shellIn(machine, lines.join(' && '))
}

function fillDisk(machine: string, step: string): Fault {
  if (step === 'manifests') {
    return {
      begin: nothing,
      lasts: { reported: 60 },
      end: () => shellIn(machine, 'umount /etc/kubernetes/tmp').then(nothingToReport),
    }
  }
  const place = written[step]
  if (place === undefined) throw new Error(`There is no directory to fill for the step ${step}.`)
  return {
    begin: async () => void (await shellIn(machine, `mkdir -p ${place} && mount -t tmpfs -o size=8k tmpfs ${place}`)),
    lasts: { reported: 60 },
    end: () => shellIn(machine, `umount ${place}`).then(nothingToReport),
  }
}

// The record names the step a moment before the container exists.
async function killHelper(machine: string): Promise<void> {
  const kill = async () => {
    const { failed } = await execa('docker', ['kill', `capd-kubeadm-upgrader-images-${machine}`], { reject: false })
    return !failed
  }
  const isKilled = await retry(kill, { limitSeconds: 10, everySeconds: 0.1 })
  if (!isKilled) throw new Error(`no helper container of ${machine} was found`)
}

function killContainer(machine: string, watch: MachineWatch): Fault {
  let address = ''
  return {
    async begin() {
      address = await addressOf(machine)
      await execa('docker', ['kill', machine])
      return undefined
    },
    lasts: { seconds: 2 },
    async end() {
      await execa('docker', ['start', machine])
      const now = await addressOf(machine)
      const isUp = () =>
        inMachine(machine, ['true']).then(
          () => true,
          () => false,
        )
      if (!(await retry(isUp, { limitSeconds: 30, everySeconds: 0.3 }))) {
        throw new Error(`${machine} does not start again`)
      }
      await watch.restart()
      // A control plane machine with another address cannot be repaired by the service.
      return now === address ? {} : { unjudged: `its address changed from ${address} to ${now}` }
    },
  }
}

function unit(step: string): string {
  return `capd-kubeadm-upgrader-${step}.service`
}
