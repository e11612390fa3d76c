import {
  type HookResponse,
  type Operation,
  type Patch,
  patchNames,
  patchOf,
  type ResponseFields,
  successResponse,
} from '../contract/answers.ts'
import { hooks } from '../contract/catalogue.ts'
import { UpgradeError } from '../errors/upgrade-error.ts'
import type { Clock } from '../upgrade/clock.ts'

/** A call of a hook with a requested fault. */
export interface Call {
  hook: keyof typeof hooks
  /** The value of the setting, and its arguments by parameter. */
  requested: { text: string; args: Record<string, string> }
  clock: Clock
  /** Prefixes the message of a response with the name of the fault. */
  named: (response: HookResponse) => HookResponse
  /** Returns the correct response, with the prefix. */
  respond: () => Promise<HookResponse>
}

/** When Cluster API calls again after a finished update that is never reported as done. */
const neverSeconds = 10

/** Removes all patches, or those of one object. The name of a patch begins with the name of its object. */
export async function leaveOut({ respond, requested }: Call): Promise<HookResponse> {
  const { object } = requested.args
  const response = await respond()
  for (const name of patchNames) {
    if (object === 'all' || name.startsWith(String(object))) delete response[name]
  }
  return response
}

/** Removes the last operation. If it was the only one, an empty patch remains, which differs from no patch. */
export async function leaveOutLast({ respond }: Call): Promise<HookResponse> {
  const response = await respond()
  const last = patchNames.findLast((name) => response[name])
  return last ? { ...response, [last]: patchOf(operationsIn(response[last]).slice(0, -1)) } : response
}

/** Adds an operation that cannot be applied to the object. */
export async function spoil({ respond, hook }: Call): Promise<HookResponse> {
  const response = await respond()
  const name = hook === 'canUpdateMachineSet' ? 'machineSetPatch' : 'machinePatch'
  const operation: Operation = { op: 'replace', path: '/spec/misbehaviour/path', value: true }
  const spoilt: ResponseFields = { [name]: patchOf([...operationsIn(response[name]), operation]) }
  return { ...response, ...spoilt }
}

/** Fails the call. */
export async function refuse({ requested }: Call): Promise<never> {
  throw new UpgradeError('MISBEHAVIOUR', { name: requested.text })
}

/** Delays the correct response. `seconds` computes the delay from the timeout of the hook. */
export function late(seconds: (limit: number) => number) {
  return async ({ respond, hook, clock }: Call): Promise<HookResponse> => {
    const at = clock.now() + seconds(hooks[hook].timeoutSeconds) * 1000
    const response = await respond()
    await clock.sleep((at - clock.now()) / 1000)
    return response
  }
}

/** Sends only the first half of the correct response. */
export async function cutOff({ respond }: Call): Promise<Response> {
  const text = JSON.stringify(await respond())
  return raw(text.slice(0, text.length / 2), 200)
}

/** Sends the correct response with another HTTP status. */
export async function withStatus({ respond, requested }: Call): Promise<Response> {
  return raw(JSON.stringify(await respond()), Number(requested.args.status))
}

/** Reports the update as done without starting it. */
export async function doneTooEarly({ hook, named }: Call): Promise<HookResponse> {
  return named(successResponse(hooks[hook].hook, '', { retryAfterSeconds: 0 }))
}

/** Reports a finished update as still running. */
export async function neverDone({ respond }: Call): Promise<HookResponse> {
  const response = await respond()
  return { ...response, retryAfterSeconds: response.retryAfterSeconds || neverSeconds }
}

// Fastify sends a Response as it is.
function raw(text: string, status: number): Response {
  return new Response(text, { status, headers: { 'content-type': 'application/json' } })
}

function operationsIn(patch: Patch | undefined): Operation[] {
  return patch ? JSON.parse(Buffer.from(patch.patch, 'base64').toString()) : []
}
