import type { UpgradeError } from '../errors/upgrade-error.ts'
import { apiVersion, hooks } from './catalogue.ts'

// One operation of RFC 6902, as sent inside a patch.
export type Operation = { op: 'add' | 'replace'; path: string; value: unknown } | { op: 'remove'; path: string }

export interface Answer {
  apiVersion: typeof apiVersion
  kind: string
  status: 'Success' | 'Failure'
  message: string
  [field: string]: unknown
}

// A successful answer of the hook's kind. CAPI never checks kind, but its OpenAPI has it.
export function success(hook: string, message: string, fields: Record<string, unknown> = {}): Answer {
  return { apiVersion, kind: `${hook}Response`, status: 'Success', message, ...fields }
}

// CAPI treats Failure as an error and asks again with back-off; it goes with HTTP 200, as from CAPI's own server.
export function failure(hook: string, error: UpgradeError): Answer {
  return { apiVersion, kind: `${hook}Response`, status: 'Failure', message: error.message }
}

// The handlers in a stable order: a changed order makes CAPI rewrite the ExtensionConfig's status.
// failurePolicy is Fail because Ignore turns an unreachable extension into "update finished".
export function discovery(): Answer {
  const handlers = Object.values(hooks).map(({ hook, name, timeoutSeconds }) => ({
    name,
    requestHook: { apiVersion, hook },
    timeoutSeconds,
    failurePolicy: 'Fail',
  }))
  return success('Discovery', '', { handlers })
}

// A patch field, or nothing when there is nothing to patch: a patchType without a patch is an error in CAPI.
// `patch` is Go's []byte, so it is base64 on the wire.
export function patchField(name: string, operations: Operation[]): Record<string, unknown> {
  if (operations.length === 0) return {}
  const patch = Buffer.from(JSON.stringify(operations)).toString('base64')
  return { [name]: { patchType: 'JSONPatch', patch } }
}
