import { execa } from 'execa'
import type { Management } from '../../scripts/lab/verbs/management.ts'
import { condition as conditionOf, type Machine } from './machines.ts'

// One change of one condition of one Machine.
export interface Moment {
  // Seconds since the timeline began.
  at: number
  machine: string
  condition: string
  message: string
}

export interface Timeline {
  moments: Moment[]
  // Seconds since it began.
  elapsed(): number
  // Adds what a scenario itself does.
  note(message: string): void
  stop(): Promise<void>
}

// Ready gathers all others, so its message would say everything twice.
const shown = ['Updating', 'UpToDate', 'NodeReady', 'Deleting', 'Ready']

// Watches the Machines of a namespace and keeps every change, as kubectl's watch reports it; nothing is lost between
// two looks. `tell` hears each moment.
export function watchMachines(
  { kubectl, kubeconfig }: Management,
  namespace: string,
  tell: (moment: Moment) => void,
): Timeline {
  const start = performance.now()
  const elapsed = () => (performance.now() - start) / 1000
  const moments: Moment[] = []
  const last = new Map<string, string>()
  const add = (machine: string, condition: string, message: string) => {
    if (last.get(`${machine} ${condition}`) === message) return
    last.set(`${machine} ${condition}`, message)
    const moment = { at: elapsed(), machine, condition, message }
    moments.push(moment)
    tell(moment)
  }
  const stopping = new AbortController()
  const watching = watch()

  // A watch ends by itself after some minutes, and when the API was away; then it is begun anew.
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
      for await (const line of child.iterable()) read(JSON.parse(line))
      await child
    }
  }

  function read({ type, object: machine }: { type: string; object: Machine }) {
    const { name } = machine.metadata
    if (type === 'DELETED') return add(name, 'phase', 'gone')
    add(name, 'phase', `${machine.status?.phase ?? ''} ${machine.spec.version}`.trim())
    for (const condition of shown) {
      const { status, reason = '', message = '' } = conditionOf(machine, condition) ?? {}
      if (status === undefined) continue
      const text = condition === 'Ready' ? '' : message.replaceAll('\n', ' ')
      add(name, condition, `${status} ${reason} ${text}`.trim())
    }
  }

  return {
    moments,
    elapsed,
    note: (message) => add('', 'scenario', message),
    async stop() {
      stopping.abort()
      await watching
    },
  }
}
