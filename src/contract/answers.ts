import type { UpgradeError } from '../errors/upgrade-error.ts'
import { apiVersion, hooks } from './catalogue.ts'

/** An operation of a JSON patch (RFC 6902). */
export type Operation = { op: 'add' | 'replace'; path: string; value: unknown } | { op: 'remove'; path: string }

/** A patch of one object. `patch` is a `[]byte` in Go, so it has the operations as base64 of JSON. */
export interface Patch {
  patchType: 'JSONPatch'
  patch: string
}

/** The fields of the CanUpdate responses that hold patches. */
export const patchNames = [
  'machinePatch',
  'infrastructureMachinePatch',
  'bootstrapConfigPatch',
  'machineSetPatch',
  'infrastructureMachineTemplatePatch',
  'bootstrapConfigTemplatePatch',
] as const

/** The name of a patch in a CanUpdate response. */
export type PatchName = (typeof patchNames)[number]

interface HandlerEntry {
  name: string
  requestHook: { apiVersion: string; hook: string }
  timeoutSeconds: number
  failurePolicy: 'Fail'
}

/** The fields of a response besides its status: patches, the time to call again, or the handlers of discovery. */
export interface ResponseFields extends Partial<Record<PatchName, Patch>> {
  /**
   * Only in CanUpdate responses. Cluster API up to v1.14 does not read it.
   * Source: Cluster API main, before v1.15, api/runtime/hooks/v1alpha1/inplaceupdate_types.go.
   */
  affectsAvailability?: boolean
  /** Only in UpdateMachine responses. 0 reports a finished update. */
  retryAfterSeconds?: number
  /** Only in the response to discovery. */
  handlers?: HandlerEntry[]
}

/** The response to a call of a hook. Source: Cluster API v1.14.2, api/runtime/hooks/v1alpha1. */
export interface HookResponse extends ResponseFields {
  apiVersion: typeof apiVersion
  kind: string
  status: 'Success' | 'Failure'
  message: string
}

/** A response with the status Success. Cluster API never checks `kind`, but its OpenAPI document has it. */
export function successResponse(hook: string, message: string, fields: ResponseFields = {}): HookResponse {
  return { apiVersion, kind: `${hook}Response`, status: 'Success', message, ...fields }
}

/**
 * A response with the status Failure. Cluster API retries the call with backoff. The HTTP status is 200, as in Cluster
 * API's own server.
 */
export function failureResponse(hook: string, error: UpgradeError): HookResponse {
  return { apiVersion, kind: `${hook}Response`, status: 'Failure', message: error.message }
}

/**
 * The response to discovery. The order of the handlers is stable: Cluster API updates the ExtensionConfig's status when
 * it changes. failurePolicy is Fail, because with Ignore an unreachable extension would count as a finished update.
 */
export function discoveryResponse(): HookResponse {
  const handlers = Object.values(hooks).map(
    ({ hook, name, timeoutSeconds }): HandlerEntry => ({
      name,
      requestHook: { apiVersion, hook },
      timeoutSeconds,
      failurePolicy: 'Fail',
    }),
  )
  return successResponse('Discovery', '', { handlers })
}

/**
 * A patch as a field of a response. Without operations there is no field: Cluster API rejects a patchType without a
 * patch.
 */
export function patchField(name: PatchName, operations: Operation[]): ResponseFields {
  return operations.length === 0 ? {} : { [name]: patchOf(operations) }
}

/** The operations as a patch, which is empty without operations. */
export function patchOf(operations: Operation[]): Patch {
  return { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(operations)).toString('base64') }
}
