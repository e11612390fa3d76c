import type { HookResponse } from '../contract/answers.ts'
import type { Role } from '../contract/role.ts'
import { planFor } from '../upgrade/plan.ts'
import * as answers from './answers.ts'

interface Parameter {
  isAllowed: (value: string) => boolean
  /** Describes the allowed values in messages. */
  allowed: string
  /** The value if none is given; empty for a required parameter. */
  default: string
}

/** The names of all steps, of control plane machines and workers. */
const steps = [...new Set([...stepsOf('control-plane'), ...stepsOf('worker')])]

/** The parameters that may follow the name of a fault. */
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

/** A fault that tests can request. */
export interface FaultDefinition {
  /**
   * Where it happens: in responses of one kind of hook, or of the hooks that `<hook>` names, in a step, or in
   * discovery.
   */
  on: 'can-update' | 'update-machine' | 'all' | 'step' | 'discovery'
  /** The form of the setting's value. */
  form: string
  takes: ParameterName[]
  /** What the service does, for the documentation. */
  does: string
  /** What Cluster API does as a result. scripts/docs/misbehaviours.ts has the descriptions. */
  leadsTo: ('rollout' | 'stall' | 'failed' | 'late' | 'over' | 'waits' | 'gone' | 'undiscovered')[]
  /** Produces the response of a hook. */
  answer?: (call: answers.Call) => Promise<HookResponse | Response>
}

/**
 * All faults. The validation of settings, the handlers, the steps and docs/reference/misbehaviours.md use this table.
 */
export const faults: Record<string, FaultDefinition> = {
  decline: {
    on: 'can-update',
    form: 'decline[:<object>]',
    takes: ['object'],
    does: 'The response has no patches, or none of one object.',
    leadsTo: ['rollout'],
    answer: answers.leaveOut,
  },
  partial: {
    on: 'can-update',
    form: 'partial',
    takes: [],
    does: 'Only the last operation is missing in the patches.',
    leadsTo: ['rollout'],
    answer: answers.leaveOutLast,
  },
  'bad-patch': {
    on: 'can-update',
    form: 'bad-patch',
    takes: [],
    does: 'The patch of the Machine or MachineSet has one more operation, which replaces a missing field.',
    leadsTo: ['stall'],
    answer: answers.spoil,
  },
  block: {
    on: 'all',
    form: 'block[:<hook>]',
    takes: ['hook'],
    does: 'The response has the status Failure, and nothing is started.',
    leadsTo: ['stall', 'failed'],
    answer: answers.refuse,
  },
  slow: {
    on: 'all',
    form: 'slow[:<hook>]',
    takes: ['hook'],
    does: "The correct response is sent one second before Cluster API's timeout.",
    leadsTo: ['late'],
    answer: answers.late((limit) => limit - 1),
  },
  hang: {
    on: 'all',
    form: 'hang[:<hook>]',
    takes: ['hook'],
    does: "The correct response is sent after twice Cluster API's timeout. An update is started all the same.",
    leadsTo: ['stall', 'failed'],
    answer: answers.late((limit) => limit * 2),
  },
  'malformed-json': {
    on: 'all',
    form: 'malformed-json[:<hook>]',
    takes: ['hook'],
    does: 'The correct response is cut off in the middle of its JSON.',
    leadsTo: ['stall', 'failed'],
    answer: answers.cutOff,
  },
  'wrong-status': {
    on: 'all',
    form: 'wrong-status[:<hook>[:<status>]]',
    takes: ['hook', 'status'],
    does: 'The correct response has another HTTP status than 200.',
    leadsTo: ['stall', 'failed'],
    answer: answers.withStatus,
  },
  'done-too-early': {
    on: 'update-machine',
    form: 'done-too-early',
    takes: [],
    does: 'The response reports the update as done, although the machine was not changed.',
    leadsTo: ['over'],
    answer: answers.doneTooEarly,
  },
  'never-done': {
    on: 'update-machine',
    form: 'never-done',
    takes: [],
    does: 'The update is carried out, but the response never reports it as done.',
    leadsTo: ['waits'],
    answer: answers.neverDone,
  },
  'fail-at': {
    on: 'step',
    form: 'fail-at:<step>[:<times>]',
    takes: ['step', 'times'],
    does: 'The step fails instead of starting.',
    leadsTo: ['failed'],
  },
  'crash-at': {
    on: 'step',
    form: 'crash-at:<step>[:<times>]',
    takes: ['step', 'times'],
    does: 'The process kills itself instead of starting the step.',
    leadsTo: ['gone'],
  },
  'discovery-fails': {
    on: 'discovery',
    form: 'discovery-fails',
    takes: [],
    does: 'The response to discovery has the status Failure.',
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
