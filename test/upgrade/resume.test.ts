import { expect, test } from 'vitest'
import { type Lab, startQuickLab, startWorkersLab } from '../fake-docker/lab.ts'
import { target } from '../fake-docker/release.ts'
import { mortal } from './mortal.ts'
import { begin, recordFile, recordOf, unitsOf, walk, ways } from './walk.ts'

const day = 24 * 3600

// As after kill -9, at each question that the service ever asks: another process goes on, at once or much later.
const kinds = [
  ...ways.map((way) => [...way, 'download'] as const),
  ['w-1', 'together', ['binaries', 'images', 'kubeadm', 'kubelet'], 'node-image'] as const,
]
const deaths = kinds.flatMap(([name, exchange, units, binaries]) =>
  (
    [
      ['before', 0],
      ['after', 0],
      ['before', day],
    ] as const
  ).map(([when, downtime]) => ({ name, exchange, when, downtime, units, binaries })),
)

test.each(
  deaths,
)('a walk of $name, $exchange, $binaries, that is killed $when any question goes on $downtime s later as if nothing was', async ({
  name,
  exchange,
  when,
  downtime,
  units,
  binaries,
}) => {
  const options = { settings: { exchange }, sources: { binaries } }
  const helpers = binaries === 'node-image' ? 2 : 1
  const faults: string[] = []
  let killed = 0
  for (;;) {
    const lab = name === 'w-1' ? startWorkersLab('w-1') : startQuickLab('cp-1')
    const { engine, died } = mortal(lab.engine, killed + 1, when)
    const first = begin(lab, name, { engine, ...options })
    const lastWords = await Promise.race([died, first.ended])
    if (lastWords === undefined) break
    killed += 1
    lab.clock.pass(downtime)
    const { run } = await walk(lab, name, options)
    const fault = faultOf({ lab, name, units, helpers, message: run.progress.message })
    if (fault) faults.push(`killed ${when} question ${killed}, ${lastWords}: ${fault}`)
  }
  expect(faults).toEqual([])
  expect(killed).toBeGreaterThan(40)
})

interface Ending {
  lab: Lab
  name: string
  units: readonly string[]
  helpers: number
  message: string
}

// What differs from a run without kills.
function faultOf({ lab, name, units: wanted, helpers, message }: Ending): string | undefined {
  const { units, kubelet, files } = lab.machine(name)
  if (message !== `at ${target}`) return message
  if (kubelet.version !== target) return `the kubelet is at ${kubelet.version}`
  if (unitsOf(lab, name).join() !== wanted.join()) return `units were started: ${units.starts}`
  if (lab.fake.helpers.starts.length !== helpers) return `helpers were started: ${lab.fake.helpers.starts}`
  if (units.names.length > 0) return `units are left: ${units.names}`
  const left = [...files.keys()].filter((path) => path.includes('upgrader') && path !== recordFile)
  if (left.length > 0) return `files are left: ${left}`
  const { state = 'no record', events = [] } = recordOf(lab, name) ?? {}
  if (state !== 'done') return `the record is ${state}`
  const begins = events.filter(({ event }) => event.startsWith('begun'))
  if (begins.length !== 1) return `${begins.length} attempts were begun`
  const twice = events.find(({ count }) => count > 1)
  return twice && `twice: ${twice.step} ${twice.event}`
}
