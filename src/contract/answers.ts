import type { UpgradeError } from '../errors/upgrade-error.ts'
import { apiVersion, hooks } from './catalogue.ts'

/** One operation of RFC 6902, as sent inside a patch. */
export type Operation = { op: 'add' | 'replace'; path: string; value: unknown } | { op: 'remove'; path: string }

/** A patch of one object. `patch` is Go's `[]byte`: the operations as JSON, in base64. */
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

/** One of the patches that a CanUpdate response may have. */
export type PatchName = (typeof patchNames)[number]

interface HandlerEntry {
  name: string
  requestHook: { apiVersion: string; hook: string }
  timeoutSeconds: number
  failurePolicy: 'Fail'
}

/** What a response has besides its status, by hook: patches, a time to call again, or the handlers of discovery. */
export interface ResponseFields extends Partial<Record<PatchName, Patch>> {
  /**
   * Of the CanUpdate responses. Source: Cluster API main, before v1.15, api/runtime/hooks/v1alpha1/inplaceupdate_types.go.
   * Cluster API up to v1.14 does not read it.
   */
  affectsAvailability?: boolean
  retryAfterSeconds?: number
  handlers?: HandlerEntry[]
}

/** A response to a hook. Source: Cluster API v1.14.2, api/runtime/hooks/v1alpha1. */
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
 * A response with the status Failure, which Cluster API treats as an error: it calls again with back-off. It is sent
 * with HTTP status 200, as by Cluster API's own server.
 */
export function failureResponse(hook: string, error: UpgradeError): HookResponse {
  return { apiVersion, kind: `${hook}Response`, status: 'Failure', message: error.message }
}

/**
 * The response to discovery. The order of the handlers is stable, since Cluster API rewrites the ExtensionConfig's
 * status when it changes. failurePolicy is Fail: Ignore turns an extension that cannot be reached into "update finished".
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

/** A field with a patch, or none where there is no operation: a patchType without a patch is an error in Cluster API. */
export function patchField(name: PatchName, operations: Operation[]): ResponseFields {
  return operations.length === 0 ? {} : { [name]: patchOf(operations) }
}

/** The operations as a patch, also where there are none. */
export function patchOf(operations: Operation[]): Patch {
  return { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(operations)).toString('base64') }
}
