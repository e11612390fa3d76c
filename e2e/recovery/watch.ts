import { createInterface } from 'node:readline'
import { execa } from 'execa'
import { retry } from '../../scripts/host/retry.ts'
import { shellIn } from '../witness/exec.ts'
import type { Boundary } from './rows.ts'
import { actingOf, aroundOf, goesOn, hasUnit, nextOf, type UpgradeWay } from './steps.ts'

/** The progress of an upgrade, read in the machine several times a second. */
export interface MachineProgress {
  /** The step in the attempt record; empty when there is none. */
  step: string
  /** The record's state: open, done, failed or withdrawn; empty when there is no record. */
  state: string
  /** systemd's sub-state of each unit of the service, by the unit's step: running, exited, failed, … */
  units: ReadonlyMap<string, string>
  /** The entries of the work directory. */
  work: ReadonlySet<string>
  /** How many copies of etcd's data kubeadm has made, which it does first on a control plane machine. */
  copies: number
}

/** A watch on one machine. */
export interface MachineWatch {
  /** The newest progress. */
  readonly progress: MachineProgress
  /** Watches again, after the container was restarted. */
  restart(): Promise<void>
  stop(): Promise<void>
}

const state = '/var/lib/capd-kubeadm-upgrader'
const flag = '/run/recovery-watch'

// Prints a line for each change: step, state, units, work, copies. It ends when its flag is removed.
const script = `
touch ${flag}
last=none
while [ -e ${flag} ]; do
  record=$(cat ${state}/attempt.json 2>/dev/null)
  step=$(printf %s "$record" | sed -n 's/.*"step":{"name":"\\([a-z-]*\\)".*/\\1/p')
  state=$(printf %s "$record" | sed -n 's/.*"state":"\\([a-z]*\\)".*/\\1/p')
  units=$(systemctl show 'capd-kubeadm-upgrader-*.service' --property=Id,SubState 2>/dev/null |
    sed -n 's/^Id=capd-kubeadm-upgrader-\\(.*\\)[.]service/\\1/p; s/^SubState=//p' | tr '\\n' ' ')
  copies=$(ls -d /etc/kubernetes/tmp/kubeadm-backup-etcd-* 2>/dev/null | wc -l)
  line="$step|$state|$units|$(ls -1A ${state}/work 2>/dev/null | tr '\\n' ' ')|$copies"
  [ "$line" = "$last" ] || echo "$line"
  last=$line
  sleep 0.1
done`

/** Starts to watch a machine. Returns after the first read. Throws when the machine cannot be watched. */
export async function watchMachine(machine: string): Promise<MachineWatch> {
  let progress: MachineProgress = read('||||')
  let isRead = false
  const begin = async () => {
    isRead = false
    const child = execa('docker', ['exec', machine, 'sh', '-c', script], {
      reject: false,
      buffer: false,
      stdin: 'ignore',
    })
    createInterface({ input: child.stdout }).on('line', (line) => {
      progress = read(line)
      isRead = true
    })
    let hasEnded = false
    child.then(() => {
      hasEnded = true
    })
    const isWatching = async () => {
      if (hasEnded) throw new Error(`${machine} cannot be watched`)
      return isRead
    }
    await retry(isWatching, { limitSeconds: Infinity, everySeconds: 0.05 })
  }
  await begin()
  return {
    get progress() {
      return progress
    },
    restart: begin,
    stop: async () => void (await shellIn(machine, `rm -f ${flag}`)),
  }
}

/** Describes progress in one line. */
export function describeProgress({ step, state, units, work }: MachineProgress): string {
  const unitsText = [...units].map(([name, sub]) => `unit ${name} ${sub}`)
  const staged = ['bin', 'images.list', 'images.tar', ...marks].filter((entry) => work.has(entry))
  const parts = [
    state === '' ? 'no record' : `record ${state}${step === '' ? '' : ` at ${step}`}`,
    ...unitsText,
    ...(staged.length > 0 ? [`staged ${staged.join(' ')}`] : []),
  ]
  return parts.join(', ')
}

function read(line: string): MachineProgress {
  const [step = '', state = '', units = '', work = '', copies = ''] = line.split('|')
  const words = units.split(' ').filter(Boolean)
  const pairs = words.flatMap((word, i) => (i % 2 === 0 ? [[word, words[i + 1] ?? ''] as const] : []))
  return { step, state, units: new Map(pairs), work: new Set(work.split(' ').filter(Boolean)), copies: Number(copies) }
}

// Files that the scripts of steps leave when they end.
const marks = ['rendered', 'prepared', 'exchanged', 'kubeadm.done']

const ends: Record<string, (progress: MachineProgress) => boolean> = {
  binaries: ({ work }) => work.has('bin'),
  'image-list': ({ work }) => work.has('images.list'),
  'image-archive': ({ work }) => work.has('images.tar'),
  images: ({ units }) => units.get('images') === 'exited',
  render: ({ work }) => work.has('rendered'),
  prepare: ({ work }) => work.has('prepared'),
  exchange: ({ work }) => work.has('exchanged'),
  kubeadm: ({ work }) => work.has('kubeadm.done'),
  kubelet: ({ units }) => units.get('kubelet') === 'exited',
  tidy: ({ state }) => state === 'done',
}

const slow = ['api-servers', 'verify']

/** Reports whether the machine is at a boundary of a step. Moments of moments.ts are no such boundaries. */
export function isAtBoundary(step: string, boundary: Boundary, progress: MachineProgress, way: UpgradeWay): boolean {
  if (progress.state === 'done') return step === 'tidy' && boundary === 'after'
  const around = aroundOf(step, way)
  if (around) {
    const [before, after] = around
    // The record names a step while it waits.
    const isNamed = !slow.includes(step) || boundary !== 'during' || progress.step === step
    return isNamed && (before === undefined || letsGo(before, progress, way)) && !hasBegun(after, progress, way)
  }
  const acting = actingOf(way)
  switch (boundary) {
    case 'before': {
      const previous = acting[acting.indexOf(step) - 1]
      return !hasBegun(step, progress, way) && (previous === undefined || letsGo(previous, progress, way))
    }
    case 'during':
      return isUnderWay(step, progress)
    case 'after':
      return hasEnded(step, progress) && !hasBegun(nextOf(step, way), progress, way)
    default:
      return false
  }
}

/** Reports whether a later step has started, so that the boundary has passed. */
export function isPast(step: string, progress: MachineProgress, way: UpgradeWay): boolean {
  if (progress.state === 'done') return true
  return hasBegun(aroundOf(step, way)?.[1] ?? nextOf(step, way), progress, way)
}

// True when the next step may begin.
function letsGo(step: string, progress: MachineProgress, way: UpgradeWay): boolean {
  return goesOn(step, way) ? progress.units.has(step) : hasEnded(step, progress)
}

function isUnderWay(step: string, progress: MachineProgress): boolean {
  const isAtWork = hasUnit(step) ? progress.units.get(step) === 'running' : progress.step === step
  // Before the copy kubeadm has only read.
  if (step === 'kubeadm' && progress.copies === 0) return false
  return isAtWork && !hasEnded(step, progress)
}

function hasBegun(step: string | undefined, progress: MachineProgress, way: UpgradeWay): boolean {
  if (step === undefined) return false
  const acting = actingOf(way)
  return acting
    .slice(acting.indexOf(step))
    .some((name) => progress.step === name || progress.units.has(name) || hasEnded(name, progress))
}

function hasEnded(step: string, progress: MachineProgress): boolean {
  return ends[step]?.(progress) ?? false
}
