import { execa } from 'execa'
import type { Management } from '../../scripts/lab/verbs/management.ts'
import { type CapiMachine, condition as conditionOf } from './machines.ts'

/** One change of one condition of one Machine, or a note of the scenario. */
export interface TimelineEntry {
  /** Seconds since the timeline began. */
  at: number
  /** The Machine's name; empty for a note. */
  machine: string
  /** The condition's type, "phase" for phase and version, or "scenario" for a note. */
  condition: string
  message: string
}

/** What happened in a scenario, in the order of time. */
export interface Timeline {
  readonly entries: readonly TimelineEntry[]
  /** Seconds since it began. */
  elapsed(): number
  /** Adds what the scenario itself does. */
  note(message: string): void
}

/** A timeline that follows the Machines of a namespace until it is stopped. */
export interface WatchedTimeline extends Timeline {
  stop(): Promise<void>
}

/** A watch event of the API. */
export interface MachineEvent {
  type: string
  object: CapiMachine
}

// Ready summarizes the others, so its message would repeat them.
const shown = ['Updating', 'UpToDate', 'NodeReady', 'Deleting', 'Ready']

/**
 * Makes a timeline from watch events. An event adds an entry for each condition that has another status, reason or message
 * than before.
 */
export function recordTimeline(
  elapsed: () => number,
  onEntry: (entry: TimelineEntry) => void,
): Timeline & { add(event: MachineEvent): void } {
  const entries: TimelineEntry[] = []
  const last = new Map<string, string>()
  const set = (machine: string, condition: string, message: string) => {
    if (last.get(`${machine} ${condition}`) === message) return
    last.set(`${machine} ${condition}`, message)
    const entry = { at: elapsed(), machine, condition, message }
    entries.push(entry)
    onEntry(entry)
  }
  return {
    entries,
    elapsed,
    note: (message) => set('', 'scenario', message),
    add({ type, object: machine }) {
      const { name } = machine.metadata
      if (type === 'DELETED') return set(name, 'phase', 'gone')
      set(name, 'phase', `${machine.status?.phase ?? ''} ${machine.spec.version}`.trim())
      for (const condition of shown) {
        const { status, reason = '', message = '' } = conditionOf(machine, condition) ?? {}
        if (status === undefined) continue
        const text = condition === 'Ready' ? '' : message.replaceAll('\n', ' ')
        set(name, condition, `${status} ${reason} ${text}`.trim())
      }
    },
  }
}

/** Watches the Machines of a namespace with kubectl, so that no change between two reads is lost. */
export function watchMachines(
  { kubectl, kubeconfig }: Management,
  namespace: string,
  onEntry: (entry: TimelineEntry) => void,
): WatchedTimeline {
  const start = performance.now()
  const timeline = recordTimeline(() => (performance.now() - start) / 1000, onEntry)
  const stopping = new AbortController()
  const watching = watch()

  // A watch ends by itself after some minutes, and when the API server goes away. Then another one begins.
  async function watch() {
    const flags = ['get', 'machines', `-n=${namespace}`, '--watch', '--output-watch-events', '-o=json']
    while (!stopping.signal.aborted) {
      const child = execa(kubectl, [`--kubeconfig=${kubeconfig}`, ...flags], {
        reject: false,
        buffer: false,
        stdin: 'ignore',
        stderr: 'ignore',
        cancelSignal: stopping.signal,
      })
      for await (const line of child.iterable()) timeline.add(JSON.parse(line))
      await child
    }
  }

  return {
    ...timeline,
    async stop() {
      stopping.abort()
      await watching
    },
  }
}
