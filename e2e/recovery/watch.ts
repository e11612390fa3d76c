import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { shellIn } from '../witness/exec.ts'
import type { Boundary } from './rows.ts'
import { actingOf, aroundOf, hasUnit, type Way } from './steps.ts'

/** What an upgrade has come to in a machine, read there several times a second. */
export interface Seen {
  /** The step that the attempt record names; empty where it names none. */
  step: string
  /** The record's state: open, done, failed or withdrawn; empty where there is no record. */
  state: string
  /** systemd's sub-state of each unit of the service, by the unit's step: running, exited, failed, … */
  units: ReadonlyMap<string, string>
  /** What is in the attempt's work directory. */
  work: ReadonlySet<string>
  /** How many copies of etcd's data kubeadm has made: the first thing that it does to a control plane machine. */
  copies: number
}

/** Watches one machine. */
export interface Watch {
  /** The newest look. */
  readonly seen: Seen
  /** Begins again, in a container that was started again. */
  again(): Promise<void>
  stop(): Promise<void>
}

const state = '/var/lib/capd-kubeadm-upgrader'
const flag = '/run/recovery-watch'

// Prints a line for each change: step, state, units, work, copies. It ends with the file that it is told by.
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

/** Begins to watch a machine, and returns with the first look. */
export async function watchMachine(machine: string): Promise<Watch> {
  let seen: Seen = read('||||')
  let isSeen = false
  const begin = async () => {
    isSeen = false
    const child = execa('docker', ['exec', machine, 'sh', '-c', script], {
      reject: false,
      buffer: false,
      stdin: 'ignore',
    })
    createInterface({ input: child.stdout }).on('line', (line) => {
      seen = read(line)
      isSeen = true
    })
    const isOver = child.then(() => true)
    while (!isSeen) {
      if ((await Promise.race([isOver, sleep(50)])) === true) throw new Error(`${machine} cannot be watched`)
    }
  }
  await begin()
  return {
    get seen() {
      return seen
    },
    again: begin,
    stop: async () => void (await shellIn(machine, `rm -f ${flag}`)),
  }
}

/** One line for people: what was found in the machine. */
export function described({ step, state, units, work }: Seen): string {
  const unitsText = [...units].map(([name, sub]) => `unit ${name} ${sub}`)
  const staged = ['bin', 'images.list', 'images.tar', ...marks].filter((entry) => work.has(entry))
  const parts = [
    state === '' ? 'no record' : `record ${state}${step === '' ? '' : ` at ${step}`}`,
    ...unitsText,
    ...(staged.length > 0 ? [`staged ${staged.join(' ')}`] : []),
  ]
  return parts.join(', ')
}

function read(line: string): Seen {
  const [step = '', state = '', units = '', work = '', copies = ''] = line.split('|')
  const words = units.split(' ').filter(Boolean)
  const pairs = words.flatMap((word, i) => (i % 2 === 0 ? [[word, words[i + 1] ?? ''] as const] : []))
  return { step, state, units: new Map(pairs), work: new Set(work.split(' ').filter(Boolean)), copies: Number(copies) }
}

// What the scripts of steps leave at their ends.
const marks = ['rendered', 'prepared', 'exchanged', 'kubeadm.done']

const ends: Record<string, (seen: Seen) => boolean> = {
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

/** True when the machine is at the boundary of the step; moments of moments.ts are none of these. */
export function isAtBoundary(step: string, boundary: Boundary, seen: Seen, way: Way): boolean {
  if (seen.state === 'done') return step === 'tidy' && boundary === 'after'
  const around = aroundOf(step, way)
  if (around) {
    const [before, after] = around
    // These take a while where there is something to wait for, and the record names them.
    const isNamed = !slow.includes(step) || boundary !== 'during' || seen.step === step
    return isNamed && (before === undefined || hasEnded(before, seen)) && !hasBegun(after, seen, way)
  }
  const acting = actingOf(way)
  switch (boundary) {
    case 'before': {
      const previous = acting[acting.indexOf(step) - 1]
      return !hasBegun(step, seen, way) && (previous === undefined || hasEnded(previous, seen))
    }
    case 'during':
      return isUnderWay(step, seen)
    case 'after':
      return hasEnded(step, seen) && !hasBegun(acting[acting.indexOf(step) + 1], seen, way)
    default:
      return false
  }
}

/** True when a later step has begun: the boundary does not come any more. */
export function isPast(step: string, seen: Seen, way: Way): boolean {
  if (seen.state === 'done') return true
  const acting = actingOf(way)
  return hasBegun(aroundOf(step, way)?.[1] ?? acting[acting.indexOf(step) + 1], seen, way)
}

function isUnderWay(step: string, seen: Seen): boolean {
  const isAtWork = hasUnit(step) ? seen.units.get(step) === 'running' : seen.step === step
  // Before its copy kubeadm has only read.
  if (step === 'kubeadm' && seen.copies === 0) return false
  return isAtWork && !hasEnded(step, seen)
}

function hasBegun(step: string | undefined, seen: Seen, way: Way): boolean {
  if (step === undefined) return false
  const acting = actingOf(way)
  return acting
    .slice(acting.indexOf(step))
    .some((name) => seen.step === name || seen.units.has(name) || hasEnded(name, seen))
}

function hasEnded(step: string, seen: Seen): boolean {
  return ends[step]?.(seen) ?? false
}
