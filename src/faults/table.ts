import type { Answer } from '../contract/answers.ts'
import { planFor } from '../upgrade/plan.ts'
import * as answers from './answers.ts'

// What a misbehaviour may be told after its name, and what a value must match. Where nothing is usual it has to be told.
export const parameters = {
  object: among(['machine', 'infrastructure', 'bootstrapConfig', 'all'], 'all'),
  hook: among(['can-update', 'update-machine', 'all'], 'all'),
  status: { allowed: /^(20[12]|[45][0-9]{2})$/, are: '201, 202, 400 to 599', usual: '500' },
  // The steps of the real plans, whichever the machine.
  step: among([...new Set((['control-plane', 'worker'] as const).flatMap(stepsOf))]),
  times: { allowed: /^([1-9][0-9]{0,2}|always)$/, are: '1 to 999, always', usual: '1' },
}

export type Parameter = keyof typeof parameters

export interface Fault {
  // Where it happens: in the answers of one kind of hooks or of those that <hook> names, in a step, or in discovery.
  on: 'can-update' | 'update-machine' | 'all' | 'step' | 'discovery'
  takes: Parameter[]
  // What Cluster API then does: scripts/docs/misbehaviours.ts has it in full.
  leadsTo: ('rollout' | 'stall' | 'failed' | 'late' | 'over' | 'waits' | 'gone' | 'undiscovered')[]
  // What a hook answers then.
  answer: ((call: answers.Call) => Promise<Answer | Response>) | undefined
  does: string
}

// Makes an entry of the table below: what the text says, and all else.
const fault =
  (on: Fault['on'], takes: Parameter[], leadsTo: Fault['leadsTo'], answer?: Fault['answer']) =>
  ([does = '']: TemplateStringsArray): Fault => ({ on, takes, leadsTo, answer, does: does.trim() })

// Every misbehaviour there is: from this table come the check of the settings, what handlers and steps do, and
// docs/misbehaviours.md.
export const faults: Record<string, Fault> = {
  decline: fault('can-update', ['object'], ['rollout'], answers.leaveOut)`
    All patches are left out of the answer, or those of one object.`,
  partial: fault('can-update', [], ['rollout'], answers.leaveOutLast)`
    The last operation of the patches is left out, and nothing else.`,
  'bad-patch': fault('can-update', [], ['stall'], answers.spoil)`
    The patch of the Machine or MachineSet also replaces what is not there.`,
  block: fault('all', ['hook'], ['stall', 'failed'], answers.refuse)`
    The answer is Failure, and nothing is begun.`,
  slow: fault(
    'all',
    ['hook'],
    ['late'],
    answers.late((limit) => limit - 1),
  )`
    The true answer comes one second before Cluster API's time limit.`,
  hang: fault(
    'all',
    ['hook'],
    ['stall', 'failed'],
    answers.late((limit) => limit * 2),
  )`
    The true answer comes after twice Cluster API's time limit; what was asked for is begun all the same.`,
  'malformed-json': fault('all', ['hook'], ['stall', 'failed'], answers.cutOff)`
    The true answer breaks off in the middle of its JSON.`,
  'wrong-status': fault('all', ['hook', 'status'], ['stall', 'failed'], answers.withStatus)`
    The true answer comes with another HTTP status than 200.`,
  'done-too-early': fault('update-machine', [], ['over'], answers.sayDone)`
    The answer says that all is done, and nothing was done to the machine.`,
  'never-done': fault('update-machine', [], ['waits'], answers.neverSayDone)`
    All is done, and the answer never says so.`,
  'fail-at': fault('step', ['step', 'times'], ['failed'])`
    The step fails where it would begin.`,
  'crash-at': fault('step', ['step', 'times'], ['gone'])`
    The process kills itself where the step would begin.`,
  'discovery-fails': fault('discovery', [], ['undiscovered'])`
    Discovery answers Failure.`,
}

function stepsOf(role: 'control-plane' | 'worker'): string[] {
  return planFor({ machine: { role }, sources: { images: 'node-image' } }).map(({ name }) => name)
}

function among(values: string[], usual = '') {
  return { allowed: new RegExp(`^(${values.join('|')})$`), are: values.join(', '), usual }
}
