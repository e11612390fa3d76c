import type { HookResponse } from '../contract/answers.ts'
import type { Role } from '../contract/role.ts'
import { planFor } from '../upgrade/plan.ts'
import * as answers from './answers.ts'

interface Parameter {
  isAllowed: (value: string) => boolean
  /** The allowed values, for people. */
  allowed: string
  /** The value if none is given; empty where one has to be given. */
  default: string
}

/** The steps of the real plans, whichever the machine. */
const steps = [...new Set([...stepsOf('control-plane'), ...stepsOf('worker')])]

/** What may follow the name of a fault. */
export const parameters = {
  object: oneOf(['machine', 'infrastructure', 'bootstrapConfig', 'all'], 'all'),
  hook: oneOf(['can-update', 'update-machine', 'all'], 'all'),
  status: {
    isAllowed: (value) => /^(20[12]|[45][0-9]{2})$/.test(value),
    allowed: '201, 202, 400 to 599',
    default: '500',
  },
  step: oneOf(steps, ''),
  times: {
    isAllowed: (value) => /^([1-9][0-9]{0,2}|always)$/.test(value),
    allowed: '1 to 999, always',
    default: '1',
  },
} satisfies Record<string, Parameter>

/** The name of a parameter. */
export type ParameterName = keyof typeof parameters

/** One fault that tests can request. */
export interface FaultDefinition {
  /** Where it happens: in the responses of one kind of hook or of those that `<hook>` names, in a step, in discovery. */
  on: 'can-update' | 'update-machine' | 'all' | 'step' | 'discovery'
  /** How it is requested. */
  form: string
  takes: ParameterName[]
  does: string
  /** What Cluster API does then. scripts/docs/misbehaviours.ts describes it in full. */
  leadsTo: ('rollout' | 'stall' | 'failed' | 'late' | 'over' | 'waits' | 'gone' | 'undiscovered')[]
  /** What a hook responds then. */
  answer?: (call: answers.Call) => Promise<HookResponse | Response>
}

/** Every fault. The check of the settings, handlers, steps and docs/misbehaviours.md are made from this table. */
export const faults: Record<string, FaultDefinition> = {
  decline: {
    on: 'can-update',
    form: 'decline[:<object>]',
    takes: ['object'],
    does: 'All patches are left out of the answer, or those of one object.',
    leadsTo: ['rollout'],
    answer: answers.leaveOut,
  },
  partial: {
    on: 'can-update',
    form: 'partial',
    takes: [],
    does: 'The last operation of the patches is left out, and nothing else.',
    leadsTo: ['rollout'],
    answer: answers.leaveOutLast,
  },
  'bad-patch': {
    on: 'can-update',
    form: 'bad-patch',
    takes: [],
    does: 'The patch of the Machine or MachineSet also replaces what is not there.',
    leadsTo: ['stall'],
    answer: answers.spoil,
  },
  block: {
    on: 'all',
    form: 'block[:<hook>]',
    takes: ['hook'],
    does: 'The answer is Failure, and nothing is begun.',
    leadsTo: ['stall', 'failed'],
    answer: answers.refuse,
  },
  slow: {
    on: 'all',
    form: 'slow[:<hook>]',
    takes: ['hook'],
    does: "The true answer comes one second before Cluster API's time limit.",
    leadsTo: ['late'],
    answer: answers.late((limit) => limit - 1),
  },
  hang: {
    on: 'all',
    form: 'hang[:<hook>]',
    takes: ['hook'],
    does: "The true answer comes after twice Cluster API's time limit; what was requested is begun all the same.",
    leadsTo: ['stall', 'failed'],
    answer: answers.late((limit) => limit * 2),
  },
  'malformed-json': {
    on: 'all',
    form: 'malformed-json[:<hook>]',
    takes: ['hook'],
    does: 'The true answer breaks off in the middle of its JSON.',
    leadsTo: ['stall', 'failed'],
    answer: answers.cutOff,
  },
  'wrong-status': {
    on: 'all',
    form: 'wrong-status[:<hook>[:<status>]]',
    takes: ['hook', 'status'],
    does: 'The true answer comes with another HTTP status than 200.',
    leadsTo: ['stall', 'failed'],
    answer: answers.withStatus,
  },
  'done-too-early': {
    on: 'update-machine',
    form: 'done-too-early',
    takes: [],
    does: 'The answer reports the update as done, and nothing was done to the machine.',
    leadsTo: ['over'],
    answer: answers.doneTooEarly,
  },
  'never-done': {
    on: 'update-machine',
    form: 'never-done',
    takes: [],
    does: 'The update is done, and the answer never reports it.',
    leadsTo: ['waits'],
    answer: answers.neverDone,
  },
  'fail-at': {
    on: 'step',
    form: 'fail-at:<step>[:<times>]',
    takes: ['step', 'times'],
    does: 'The step fails where it would begin.',
    leadsTo: ['failed'],
  },
  'crash-at': {
    on: 'step',
    form: 'crash-at:<step>[:<times>]',
    takes: ['step', 'times'],
    does: 'The process kills itself where the step would begin.',
    leadsTo: ['gone'],
  },
  'discovery-fails': {
    on: 'discovery',
    form: 'discovery-fails',
    takes: [],
    does: 'Discovery answers Failure.',
    leadsTo: ['undiscovered'],
  },
}

function stepsOf(role: Role): string[] {
  return planFor({
    machine: { role },
    sources: { images: 'node-image', binaries: 'download' },
    settings: { exchange: 'together' },
  }).map(({ name }) => name)
}

function oneOf(values: string[], usual: string): Parameter {
  return { isAllowed: (value) => values.includes(value), allowed: values.join(', '), default: usual }
}
