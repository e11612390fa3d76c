import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import type { relayEngine } from '../player/engine-relay.ts'
import type { Stage } from '../player/stage.ts'
import { inMachine, shellIn } from '../witness/exec.ts'
import type { Role } from '../witness/role.ts'
import type { Callers } from './callers.ts'
import type { FaultName, Row, Turn } from './rows.ts'
import { breakArgument, type Mended, mendArgument, type Undone, untilUndone } from './undone.ts'
import type { Watch } from './watch.ts'

/** What a fault is made with. */
export interface Ground {
  stage: Stage
  relay: Awaited<ReturnType<typeof relayEngine>>
  callers: Callers
  machine: string
  role: Role
  /** The control plane machines of its cluster. */
  members: readonly string[]
  /** The container of the load balancer before them; undefined where there is none. */
  balancer: string | undefined
  watch: Watch
}

/** Something that breaks and is mended again. */
export interface Fault {
  /** Gives what else there is to report of it. */
  begin(): Promise<string | undefined>
  /** How long it lasts: seconds, or until the service reports trouble (of this code), so many seconds at most. */
  lasts: { seconds: number } | { reported: number; code?: string }
  end(): Promise<Mended>
  /** True where it began with the turn, so that its boundary only says from when on it shows. */
  isStanding?: true
  /** True where the exchange is undone, and the attempt begins again. */
  isUndoing?: true
}

const state = '/var/lib/capd-kubeadm-upgrader'
const nothing = async () => undefined
const over = async (): Promise<Mended> => ({})

/** The fault of a row. Throws where the step has nothing that this fault could break. */
export function faultOf(row: Row, ground: Ground): Fault {
  return faults[row.fault](row, ground)
}

const faults: Record<FaultName, (row: Row, ground: Ground) => Fault> = {
  'service-kill': (_, { stage }) => ({
    begin: async () => void (await stage.restart('SIGKILL')),
    lasts: { seconds: 0 },
    end: over,
  }),
  'replica-kill': ({ step }, { callers }) => ({
    // The one that began the step is the one whose death matters.
    begin: async () =>
      callers.killOne(async ({ logFile }) => (await readFile(logFile, 'utf8')).includes(`"step":"${step}"`)),
    lasts: { seconds: 10 },
    end: () => callers.bringBack().then(over),
  }),
  'unit-kill': ({ step }, { machine }) => ({
    begin: async () => {
      if (step === 'image-archive') await killHelper(machine)
      else await inMachine(machine, ['systemctl', 'kill', '-s', 'KILL', '--kill-whom=main', unit(step)])
      return undefined
    },
    lasts: { seconds: 0 },
    end: over,
  }),
  'container-kill': (_, { machine, watch }) => killContainer(machine, watch),
  'disk-full': ({ step }, { machine }) => fillDisk(machine, step),
  'network-cut': (_, { machine }) => ({
    begin: async () => void (await shellIn(machine, cut.map((rule) => `iptables -I ${rule}`).join(' && '))),
    lasts: { reported: 45 },
    end: () => shellIn(machine, cut.map((rule) => `iptables -D ${rule}`).join('; ')).then(over),
  }),
  'engine-stop': (_, { relay }) => ({
    begin: async () => void (await relay.close()),
    lasts: { seconds: 15 },
    end: () => relay.open().then(over),
  }),
  'broken-argument': (_, ground) => ({
    isStanding: true,
    isUndoing: true,
    begin: nothing,
    lasts: undoneWithin,
    end: async () => {
      const undone = await lookUndone(ground, { component: 'kube-apiserver', word: brokenArgument })
      await mendArgument(ground.stage.lab.controlPlane, brokenArgument)
      return undone
    },
  }),
  'broken-kubelet': (_, ground) => ({
    isUndoing: true,
    // Neither YAML nor JSON. What is put back is whole again.
    begin: async () => void (await shellIn(ground.machine, "printf '{\\n' >>/var/lib/kubelet/config.yaml")),
    lasts: undoneWithin,
    end: () => lookUndone(ground, { component: 'kubelet', word: 'config.yaml' }),
  }),
  // The one that is asked about the others stays.
  'member-kill': (_, { members, machine, stage }) =>
    awayFor(
      members.find((name) => name !== machine && name !== stage.lab.controlPlane),
      20,
    ),
  // Shorter than the exchange waits for the endpoint.
  'balancer-stop': (_, { balancer }) => awayFor(balancer, 15),
}

// Another container of the cluster.
function awayFor(container: string | undefined, seconds: number): Fault {
  if (container === undefined) throw new Error('This row needs a cluster with three members.')
  return {
    begin: async () => {
      await execa('docker', ['kill', container])
      return `${container} was killed`
    },
    lasts: { seconds },
    end: () => execa('docker', ['start', container]).then(over),
  }
}

// A new component gets two minutes, and the old ones another one.
const undoneWithin = { reported: 300, code: 'EXCHANGE_UNDONE' }
// No API server has it.
const brokenArgument = 'no-such-flag'

/** Puts in place what has to be there when the upgrade begins: a fault that stands, or what a row needs. */
export async function prepareGround(turn: Turn, { machine, stage }: Pick<Ground, 'machine' | 'stage'>): Promise<void> {
  if (turn[0]?.step === 'manifests') await loseManifest(machine)
  if (turn.some(({ fault }) => fault === 'broken-argument')) {
    await breakArgument(stage.lab.controlPlane, brokenArgument)
  }
}

async function lookUndone({ callers, stage, machine, role }: Ground, expected: Undone): Promise<Mended> {
  const message = callers.codes.get(undoneWithin.code)
  if (message === undefined) return { wrong: [`${undoneWithin.code} was not reported`] }
  return callers.quietly(() => untilUndone({ stage, machine, role, message }, expected))
}

// The machine's own way out and in; an exec needs none.
const cut = ['INPUT -i eth0 -j DROP', 'OUTPUT -o eth0 -j DROP', 'FORWARD -i eth0 -j DROP', 'FORWARD -o eth0 -j DROP']

/** Where the file of the rows of the step "files" is to be. */
export const filesDirectory = '/etc/recovery'

// Where each step writes what is larger than a line. The service has to get through once it is empty again.
const written: Record<string, string> = {
  binaries: `${state}/work/bin.partial`,
  images: '/var/lib/containerd/io.containerd.content.v1.content/ingest',
  prepare: '/etc/kubernetes/tmp',
  kubeadm: '/etc/kubernetes/tmp',
  kubelet: `${state}/work/previous.new`,
  files: filesDirectory,
}

/**
 * Takes a static pod's manifest away, as a kubeadm that was killed between its two renames, and fills the disk on which
 * it has to be put together again. The row of the step "manifests" begins with it and mends the disk.
 */
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
      end: () => shellIn(machine, 'umount /etc/kubernetes/tmp').then(over),
    }
  }
  const place = written[step]
  if (place === undefined) throw new Error(`There is no directory to fill for the step ${step}.`)
  return {
    begin: async () => void (await shellIn(machine, `mkdir -p ${place} && mount -t tmpfs -o size=8k tmpfs ${place}`)),
    lasts: { reported: 60 },
    end: () => shellIn(machine, `umount ${place}`).then(over),
  }
}

// The record names the step a moment before its container is there.
async function killHelper(machine: string): Promise<void> {
  for (const limit = Date.now() + 10_000; ; await sleep(100)) {
    const { failed } = await execa('docker', ['kill', `capd-kubeadm-upgrader-images-${machine}`], { reject: false })
    if (!failed) return
    if (Date.now() > limit) throw new Error(`no container took images for ${machine}`)
  }
}

function killContainer(machine: string, watch: Watch): Fault {
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
      for (const limit = Date.now() + 30_000; ; await sleep(300)) {
        const isUp = await inMachine(machine, ['true']).then(
          () => true,
          () => false,
        )
        if (isUp) break
        if (Date.now() > limit) throw new Error(`${machine} does not start again`)
      }
      await watch.again()
      // With another address a control plane machine is of no use, whatever this service does.
      return now === address ? {} : { unjudged: `its address changed from ${address} to ${now}` }
    },
  }
}

async function addressOf(machine: string): Promise<string> {
  const format = '--format={{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}'
  return (await execa('docker', ['inspect', format, machine])).stdout
}

function unit(step: string): string {
  return `capd-kubeadm-upgrader-${step}.service`
}
