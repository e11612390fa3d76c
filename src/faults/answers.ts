import { type Answer, type Operation, success } from '../contract/answers.ts'
import { hooks } from '../contract/catalogue.ts'
import { UpgradeError } from '../errors/upgrade-error.ts'
import type { Clock } from '../upgrade/clock.ts'

// A call of a hook, and the misbehaviour that it asks for.
export interface Call {
  hook: keyof typeof hooks
  // The value of the setting, and what it tells the misbehaviour.
  asked: { text: string; given: Record<string, string> }
  clock: Clock
  // An answer whose message says that it is misbehaviour.
  named(answer: Answer): Answer
  // The true answer, named.
  ask(): Promise<Answer>
}

// When to ask again after an upgrade that is never said to be done.
const neverSeconds = 10

// A patch is named after its object, or after the MachineSet or template that has its place.
export async function leaveOut({ ask, asked }: Call): Promise<Answer> {
  const object = asked.given.object === 'all' ? '' : String(asked.given.object)
  const isLeft = ([field]: [string, unknown]) => !isPatch(field) || !field.startsWith(object)
  return Object.fromEntries(Object.entries(await ask()).filter(isLeft)) as Answer
}

// Where there was but one operation, an empty patch is left: another answer than no patch.
export async function leaveOutLast({ ask }: Call): Promise<Answer> {
  const answer = await ask()
  const last = Object.keys(answer).findLast(isPatch)
  return last ? { ...answer, [last]: patchOf(operationsIn(answer[last]).slice(0, -1)) } : answer
}

export async function spoil({ ask, hook }: Call): Promise<Answer> {
  const answer = await ask()
  const field = hook === 'canUpdateMachineSet' ? 'machineSetPatch' : 'machinePatch'
  const operation: Operation = { op: 'replace', path: '/spec/misbehaviour/path', value: true }
  return { ...answer, [field]: patchOf([...operationsIn(answer[field]), operation]) }
}

export async function refuse({ asked }: Call): Promise<never> {
  throw new UpgradeError('MISBEHAVIOUR', { name: asked.text })
}

export function late(seconds: (limit: number) => number) {
  return async ({ ask, hook, clock }: Call): Promise<Answer> => {
    const at = clock.now() + seconds(hooks[hook].timeoutSeconds) * 1000
    const answer = await ask()
    await clock.sleep((at - clock.now()) / 1000)
    return answer
  }
}

export async function cutOff({ ask }: Call): Promise<Response> {
  const text = JSON.stringify(await ask())
  return raw(text.slice(0, text.length / 2), 200)
}

export async function withStatus({ ask, asked }: Call): Promise<Response> {
  return raw(JSON.stringify(await ask()), Number(asked.given.status))
}

export async function sayDone({ hook, named }: Call): Promise<Answer> {
  return named(success(hooks[hook].hook, '', { retryAfterSeconds: 0 }))
}

export async function neverSayDone({ ask }: Call): Promise<Answer> {
  const answer = await ask()
  return { ...answer, retryAfterSeconds: answer.retryAfterSeconds || neverSeconds }
}

// Fastify sends a Response as it is.
function raw(text: string, status: number): Response {
  return new Response(text, { status, headers: { 'content-type': 'application/json' } })
}

function isPatch(field: string): boolean {
  return field.endsWith('Patch')
}

function operationsIn(patch: unknown): Operation[] {
  return patch ? JSON.parse(Buffer.from((patch as { patch: string }).patch, 'base64').toString()) : []
}

function patchOf(operations: Operation[]) {
  return { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(operations)).toString('base64') }
}
