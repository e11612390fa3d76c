import fc from 'fast-check'
import type { Settings } from '../../../src/contract/settings.ts'
import type { Sources } from '../../../src/upgrade/step.ts'
import { target } from '../../fake-docker/release.ts'
import type { Route } from './callers.ts'
import type { ExecFault, PlannedExec, UnitFault } from './faults.ts'
import { type ArgumentWish, argumentWishes, type FileWish } from './wish.ts'
import { type Kind, type ModelWorld, patch } from './world.ts'

type Happening = (world: ModelWorld) => Promise<void> | void

/** One thing that happens in a history. Its text is what fast-check prints of it. */
class Command implements fc.AsyncCommand<object, ModelWorld> {
  readonly #text: string
  readonly #happen: Happening

  constructor(text: string, happen: Happening) {
    this.#text = text
    this.#happen = happen
  }

  check = () => true

  async run(_: object, world: ModelWorld): Promise<void> {
    world.tell(this.#text)
    await this.#happen(world)
    await world.check()
  }

  toString = () => this.#text
}

type Given = Record<string, fc.Arbitrary<unknown>>
type Values<T extends Given> = { [Name in keyof T]: T[Name] extends fc.Arbitrary<infer Value> ? Value : never }

function command<T extends Given>(
  name: string,
  given: T,
  happen: (values: Values<T>, world: ModelWorld) => Promise<void> | void,
) {
  return fc.record(given).map((values) => {
    const words = Object.values(values).map((value) => (typeof value === 'string' ? value : JSON.stringify(value)))
    return new Command([name, ...words].join(' '), (world) => happen(values as Values<T>, world))
  })
}

const replica = fc.constantFrom(0, 1)
const route = fc.constantFrom<Route>(0, 1, 'both')
const version = fc.constantFrom(target, target, patch)
// Units of both ways of an exchange, and of kubeadm's own.
const usualUnits = ['binaries', 'images', 'kubeadm', 'kubelet'] as const
const allUnits = [...usualUnits, 'render', 'prepare', 'exchange'] as const
const execFaults: ExecFault[] = [
  'slow before',
  'slow after',
  'lost before',
  'lost after',
  'error',
  'killed before the record',
  'killed after the record',
]

/** All that can happen in a history. Those that come twice come more often. */
const commandsFor = (units: fc.Arbitrary<string>) => [
  command('request', { version, route }, ({ version, route }, world) => {
    world.request(0, { version, file: 'no file' }, route)
  }),
  command(
    'request with a file',
    { version, file: fc.constantFrom<FileWish>('one', 'two'), route },
    ({ version, file, route }, world) => world.request(0, { version, file }, route),
  ),
  command('another caller requests', { version, route }, ({ version, route }, world) => {
    world.request(1, { version, file: 'no file' }, route)
  }),
  command('withdraw for minutes', { minutes: fc.integer({ min: 1, max: 9 }) }, async ({ minutes }, world) => {
    for (const caller of world.callers) caller.withdraw()
    await world.pass(minutes * 60)
  }),
  ...[10, 60, 400].map((max) =>
    command('pass', { seconds: fc.integer({ min: 1, max }) }, ({ seconds }, world) => world.pass(seconds)),
  ),
  ...[1, 2].map(() =>
    command(
      'until it runs:',
      { unit: units, seconds: fc.integer({ min: 0, max: 3 }) },
      async ({ unit, seconds }, world) => {
        const name = `capd-kubeadm-upgrader-${unit}`
        await world.pass(120, () => world.machine.units.running.includes(name))
        await world.pass(seconds)
      },
    ),
  ),
  ...[1, 2].map(() =>
    command('crash', { replica, down: fc.constantFrom(0, 0, 5, 60, 700) }, ({ replica, down }, world) =>
      world.crash(replica, down),
    ),
  ),
  ...[1, 2].map(() =>
    command(
      'exec',
      {
        replica,
        at: fc.constantFrom<PlannedExec['at']>('look', 'change', 'change'),
        fault: fc.constantFrom(...execFaults),
        seconds: fc.constantFrom(1, 3, 10, 29, 61, 130),
        skip: fc.integer({ min: 0, max: 4 }),
      },
      (planned, world) => {
        world.faults.execs.push(planned)
      },
    ),
  ),
  command('the clock is set by', { seconds: fc.constantFrom(-86400, -60, 60, 3600, 86400) }, ({ seconds }, world) => {
    world.setClock(seconds)
  }),
  command('the container restarts', { down: fc.constantFrom(1, 5, 60) }, ({ down }, world) =>
    world.restartContainer(down),
  ),
  command(
    'unit fails',
    {
      unit: units,
      fault: fc.oneof(
        fc.constantFrom<UnitFault>('before', 'after'),
        fc.record({ halfway: fc.integer({ min: 0, max: 4 }) }),
      ),
      times: fc.integer({ min: 1, max: 3 }),
    },
    ({ unit, fault, times }, world) => {
      world.faults.units.set(unit, Array<UnitFault>(times).fill(fault))
    },
  ),
  command('unit is slow', { unit: units, seconds: fc.constantFrom(20, 200, 2000) }, ({ unit, seconds }, world) => {
    world.holdUnit(unit, seconds)
  }),
  command('the disk is full for', { seconds: fc.constantFrom(5, 60, 300) }, ({ seconds }, world) => {
    world.fillDisk(seconds)
  }),
  command(
    'the kubelet is broken',
    { version, seconds: fc.constantFrom(30, 300, Number.POSITIVE_INFINITY) },
    ({ version, seconds }, world) => world.breakKubelet(version, seconds),
  ),
  command(
    'the engine is away',
    { replica, seconds: fc.constantFrom(5, 60, 700) },
    ({ replica, seconds }, { faults }) => {
      faults.begin(replica === 0 ? 'engine away 0' : 'engine away 1', seconds)
    },
  ),
  command('the engine is away for both', { seconds: fc.constantFrom(5, 60, 700) }, ({ seconds }, { faults }) => {
    faults.begin('engine away 0', seconds)
    faults.begin('engine away 1', seconds)
  }),
  command('the network is cut', { seconds: fc.constantFrom(10, 120) }, ({ seconds }, { faults }) => {
    faults.begin('network cut', seconds)
  }),
  command('the record is lost', {}, (_, world) => world.loseRecord()),
  ...[1, 2].map(() =>
    command(
      'while it runs:',
      { unit: units, what: fc.constantFrom('the record is lost', 'both crash', 'another version is requested') },
      async ({ unit, what }, world) => {
        const name = `capd-kubeadm-upgrader-${unit}`
        await world.pass(120, () => world.machine.units.running.includes(name))
        if (what === 'the record is lost') world.loseRecord()
        else if (what === 'both crash') for (const index of [0, 1]) world.crash(index, 1)
        else world.request(0, { version: world.wish.version === patch ? target : patch, file: 'no file' }, 'both')
      },
    ),
  ),
  command('etcd of another member is unwell', { seconds: fc.constantFrom(10, 120) }, ({ seconds }, world) => {
    const set = (isHealthy: boolean) => () => world.setMemberHealth(isHealthy)
    world.faults.begin('member unwell', seconds, set(false), set(true))
  }),
  command('containerd is away', { seconds: fc.constantFrom(10, 120) }, ({ seconds }, { faults, machine }) => {
    const set = (answers: boolean) => () => {
      machine.containerdAnswers = answers
    }
    faults.begin('containerd away', seconds, set(false), set(true))
  }),
]

const delays = fc.array(fc.constantFrom(0, 0, 0.5, 1, 4), { maxLength: 5 })
const usualKind: fc.Arbitrary<Kind> = fc.record({
  role: fc.constantFrom('worker', 'control-plane'),
  images: fc.constantFrom('node-image', 'pull'),
  delays: fc.tuple(delays, delays),
})

// What happens besides to a control plane machine whose static pods are exchanged together.
const settingsCommands = [1, 2, 3].map(() =>
  command(
    'request with an argument',
    { version, argument: fc.constantFrom<ArgumentWish[]>(...argumentWishes), route },
    ({ version, argument, route }, world) => world.request(0, { version, file: 'no file', argument }, route),
  ),
)

export interface History {
  kind: Kind
  commands: Iterable<fc.AsyncCommand<object, ModelWorld>>
}

/**
 * Histories. `replayPath` is what fast-check prints after the commands of one that failed; `isOneByOne` leaves out those in
 * which static pods are exchanged together.
 */
export function histories(replayPath?: string, isOneByOne = false): fc.Arbitrary<History> {
  const commands = commandsFor(isOneByOne ? fc.constantFrom(...usualUnits) : fc.constantFrom(...allUnits))
  const exchange = fc.constantFrom<Settings['exchange'][]>('together', 'one-by-one')
  const binaries = fc.constantFrom<Sources['binaries'][]>('download', 'node-image')
  const kind = isOneByOne
    ? usualKind
    : fc.tuple(usualKind, fc.record({ exchange, binaries })).map(([usual, chosen]) => ({ ...usual, ...chosen }))
  const constraints = { maxCommands: 14, size: 'max', ...(replayPath === undefined ? {} : { replayPath }) } as const
  return fc.record({ kind, commands: fc.commands(commands, constraints) })
}

/** Histories with requests for an argument of the API server, together with a version or alone. */
export function settingsHistories(): fc.Arbitrary<History> {
  const kind = usualKind.map((usual) => ({ ...usual, role: 'control-plane', exchange: 'together' }) as const)
  const commands = fc.commands([...settingsCommands, ...commandsFor(fc.constantFrom(...allUnits))], {
    maxCommands: 14,
    size: 'max',
  })
  return fc.record({ kind, commands })
}
