import { createHash } from 'node:crypto'
import type { AttemptRecord } from '../../../src/upgrade/attempt.ts'
import type { Stance } from '../../../src/upgrade/stance.ts'
import type { SimulatedMachine } from '../../fake-docker/machine.ts'
import { recordFile } from '../walk.ts'
import type { Mutation } from './mutation.ts'

/** What is missing when a guard is taken away. */
export interface Removal extends Mutation {
  /** Another decision than that of src/upgrade/stance.ts. */
  stance?: (stance: Stance) => Stance
}

// The arguments of change.sh, after "sh -c <text> change.sh <state directory>".
const seen = 5
const record = 6
const kind = 8

/** The guards of the engine, each by what is done without it. */
export const guards: Record<string, Removal> = {
  'change.sh compares the record with what its caller saw': {
    command: (machine, argv) => (isChange(argv) ? argv.with(seen, digestOn(machine)) : argv),
  },
  'change.sh begins no attempt while a unit changes the machine': { around: blindTo('begin') },
  'the first change is noted with what it changes': {
    command: (_, argv) => withRecord(argv, (noted) => ({ ...noted, changed: false })),
  },
  'a failure stands in the record': {
    command: (_, argv) => withRecord(argv, (noted) => (noted.state === 'failed' ? { ...noted, state: 'done' } : noted)),
  },
  'a kubelet that does not run gives way to the one from before': {
    command: (_, argv) => (isChange(argv) && argv[kind] === 'rest' ? argv.slice(0, kind).concat('note') : argv),
  },
  'a unit that has succeeded is not started again': {
    observed: (document) => editUnits(document, (block) => !block.includes('SubState=exited')),
  },
  'a unit that runs is not started again': {
    observed: (document) => editUnits(document, (block) => !block.includes('SubState=running')),
    around: blindTo('start'),
  },
  'done is what runs, and has run for a while': { observed: pretendHealthy },
  'nothing is measured by a clock that can be set': { monotonic: (clock) => clock.now() },
  'an attempt that has failed rests': {
    stance: (stance) => (stance.kind === 'paused' ? { kind: 'begin' } : stance),
  },
  'a request that was replaced does not replace the newer one': {
    stance: (stance) => (stance.kind === 'superseded' ? { kind: 'replace' } : stance),
  },
  'an attempt that has changed the machine is brought to its end': {
    stance: (stance) => (stance.kind === 'finish' ? { kind: 'replace' } : stance),
  },
}

function isChange(argv: string[]): boolean {
  return argv[3] === 'change.sh'
}

function digestOn({ files }: SimulatedMachine): string {
  const held = files.get(recordFile)
  return held === undefined ? '' : createHash('sha256').update(held).digest('hex')
}

function withRecord(argv: string[], edit: (noted: AttemptRecord) => AttemptRecord): string[] {
  const given = argv[record]
  return isChange(argv) && given ? argv.with(record, JSON.stringify(edit(JSON.parse(given)))) : argv
}

// The change is made as if no unit ran.
function blindTo(blind: string): NonNullable<Mutation['around']> {
  return ({ units }, argv, run) => {
    if (!isChange(argv) || argv[kind] !== blind) return run()
    Object.defineProperty(units, 'running', { value: [], configurable: true })
    run()
    Reflect.deleteProperty(units, 'running')
  }
}

function editUnits(document: Record<string, unknown>, keep: (block: string) => boolean): void {
  edit(document, 'units', (text) => text.split('\n\n').filter(keep).join('\n\n'))
}

function pretendHealthy(document: Record<string, unknown>): void {
  edit(document, 'kubelet', (text) => text.replace(/^Age=.*$/m, 'Age=1000').replace(/^Health=.*$/m, 'Health=ok'))
}

function edit(document: Record<string, unknown>, section: string, change: (text: string) => string): void {
  const outcome = document[section] as { text: string } | undefined
  if (outcome) outcome.text = Buffer.from(change(Buffer.from(outcome.text, 'base64').toString())).toString('base64')
}
