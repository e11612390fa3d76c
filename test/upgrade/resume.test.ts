import { expect, test } from 'vitest'
import { type Lab, startQuickLab, startWorkersLab } from '../fake-docker/lab.ts'
import { target } from '../fake-docker/release.ts'
import { mortal } from './mortal.ts'
import { begin, recordFile, recordOf, walk } from './walk.ts'

const labs: Record<string, () => Lab> = {
  'cp-1': () => startQuickLab('cp-1'),
  'w-1': () => startWorkersLab('w-1'),
}
const day = 24 * 3600

// As after kill -9, at each question that the service ever asks: another process goes on, at once or much later.
test.each([
  ['cp-1', 'before', 0],
  ['cp-1', 'after', 0],
  ['cp-1', 'before', day],
  ['w-1', 'before', 0],
  ['w-1', 'after', 0],
  ['w-1', 'before', day],
] as const)('a walk of %s that is killed %s any question goes on %i s later as if nothing was', async (name, when, downtime) => {
  const faults: string[] = []
  let killed = 0
  for (;;) {
    const lab = (labs[name] as () => Lab)()
    const { engine, died } = mortal(lab.engine, killed + 1, when)
    const first = begin(lab, name, { engine })
    const lastWords = await Promise.race([died, first.ended])
    if (lastWords === undefined) break
    killed += 1
    lab.clock.pass(downtime)
    const { run } = await walk(lab, name)
    const fault = faultOf(lab, name, run.progress.message)
    if (fault) faults.push(`killed ${when} question ${killed}, ${lastWords}: ${fault}`)
  }
  expect(faults).toEqual([])
  expect(killed).toBeGreaterThan(40)
})

// What is not as it would be had nobody been killed.
function faultOf(lab: Lab, name: string, message: string): string | undefined {
  const { units, kubelet, files } = lab.machine(name)
  if (message !== `at ${target}`) return message
  if (kubelet.version !== target) return `the kubelet is at ${kubelet.version}`
  const steps = ['binaries', 'images', 'kubeadm', 'kubelet']
  const starts = steps.map((step) => `capd-kubeadm-upgrader-${step}`)
  if (units.starts.join() !== starts.join()) return `units were started: ${units.starts}`
  if (lab.fake.helpers.starts.length !== 1) return `helpers were started: ${lab.fake.helpers.starts}`
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
