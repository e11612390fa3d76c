import Type from 'typebox'
import { type Answer, failure } from '../contract/answers.ts'
import type { hooks } from '../contract/catalogue.ts'
import { parser } from '../contract/parse.ts'
import { valueAt } from '../decide/diff.ts'
import { UpgradeError } from '../errors/upgrade-error.ts'
import type { Handlers } from '../hooks/handlers.ts'
import type { Clock } from '../upgrade/clock.ts'
import type { Upgrades } from '../upgrade/upgrades.ts'
import { readFault } from './asked.ts'

const parse = parser(Type.Object({ settings: Type.Optional(Type.Record(Type.String(), Type.String())) }))

interface Means {
  allowed: boolean
  discoveryFails: boolean
  clock: Clock
  // Told the name of a misbehaviour each time it happens.
  onFault: (name: string) => void
}

// Misbehaviour for tests, asked for by the settings of a call. It wraps the handlers from outside: the rest of src/
// is complete without it. Unless allowed at start, a call that asks for it is refused.
export function withFaults(handlers: Handlers, means: Means): Handlers<Answer | Response> {
  const { allowed, discoveryFails, clock, onFault } = means
  const around = (hook: keyof typeof hooks) => async (body: string) => {
    const { key, text, plain } = read(body)
    const asked = readFault(key, text, allowed)
    const kind = hook === 'updateMachine' ? 'update-machine' : 'can-update'
    const isMeant = asked && ['all', kind].includes(asked.given.hook ?? asked.fault.on)
    if (!isMeant || !asked.fault.answer) return handlers[hook](plain)
    onFault(asked.name)
    const { does } = asked.fault
    const named = (answer: Answer) => ({ ...answer, message: `misbehaviour ${text}: ${answer.message || does}` })
    return asked.fault.answer({ hook, asked, clock, named, ask: async () => named(await handlers[hook](plain)) })
  }
  return {
    discovery(body) {
      if (!discoveryFails) return handlers.discovery(body)
      onFault('discovery-fails')
      return failure('Discovery', new UpgradeError('MISBEHAVIOUR', { name: 'discovery-fails' }))
    },
    canUpdateMachine: around('canUpdateMachine'),
    canUpdateMachineSet: around('canUpdateMachineSet'),
    updateMachine: around('updateMachine'),
  }
}

// Refuses what start would refuse as a hook's setting: start and sync heed the misbehaviour of steps.
export function withCheckedFaults(upgrades: Upgrades, allowed: boolean): Upgrades {
  return {
    ...upgrades,
    start(task) {
      readFault('fault', task.settings.fault, allowed)
      upgrades.start(task)
    },
  }
}

// The setting that holds for a request: the one for its cluster before the one for all. The request goes on with
// that alone, as `fault`: nobody below has to know of clusters.
function read(body: string): { key: string; text: string; plain: string } {
  const request = parse(body)
  const { settings = {} } = request
  const object = valueAt(request, ['desired', 'machine']) ?? valueAt(request, ['desired', 'machineSet'])
  const label = valueAt(object, ['metadata', 'labels', 'cluster.x-k8s.io/cluster-name'])
  const cluster = label ?? valueAt(object, ['spec', 'clusterName'])
  const own = `fault/${valueAt(object, ['metadata', 'namespace'])}/${cluster}`
  const key = Object.hasOwn(settings, own) ? own : 'fault'
  const text = settings[key] ?? 'none'
  const others = Object.entries(settings).filter(([name]) => !/^fault\/[^/]+\/[^/]+$/.test(name))
  if (others.length === Object.keys(settings).length) return { key, text, plain: body }
  return { key, text, plain: JSON.stringify({ ...request, settings: { ...Object.fromEntries(others), fault: text } }) }
}
