import { isDeepStrictEqual } from 'node:util'
import { applyPatch } from 'rfc6902'
import { callService, type ServiceAddress } from './call.ts'

// What Cluster API's controllers send, and how they read the responses. Nothing of src/ is used.
// Source: CAPI v1.14.2 internal/runtime/client/client.go, internal/util/{patch,compare,inplace}.
const group = 'hooks.runtime.cluster.x-k8s.io/v1alpha1'

/** A JSON object. */
export type Json = Record<string, unknown>

interface Handler {
  name: string
  requestHook: { hook: string }
  timeoutSeconds: number
}

/** Discovers the handlers of a service and returns the path of each hook, as CAPI builds it. */
export async function discover(service: ServiceAddress): Promise<Map<string, string>> {
  const response = await post(service, `/${group}/discovery?timeout=10s`, {
    kind: 'DiscoveryRequest',
    apiVersion: group,
  })
  const handlers = response.handlers as Handler[]
  return new Map(
    handlers.map(({ name, requestHook: { hook }, timeoutSeconds }) => [
      hook,
      `/${group}/${hook.toLowerCase()}/${name}?timeout=${timeoutSeconds}s`,
    ]),
  )
}

/** Calls a hook and returns its response. Throws what CAPI reports as an error: a status other than 200, or no Success. */
export async function post(service: ServiceAddress, path: string, body: Json): Promise<Json> {
  const { status, body: text } = await callService(service, 'POST', path, JSON.stringify(body))
  if (status !== 200) throw new Error(`got response with status code ${status} != 200: ${text.slice(0, 512)}`)
  const response = JSON.parse(text) as Json
  if (response.status !== 'Success') throw new Error(String(response.message))
  return response
}

/** The fields of a Machine's spec that Cluster API does not compare (internal/util/inplace/inplace.go). */
export const notCompared: readonly string[] = [
  'clusterName',
  'bootstrap',
  'infrastructureRef',
  'providerID',
  'minReadySeconds',
  'readinessGates',
  'deletion',
  'taints',
]

/**
 * Reports whether the patches of a response turn all objects of `current` into those of `desired`. Objects are compared raw:
 * an absent field is not `{}`. Only then does Cluster API update in place.
 */
export function coversAll(request: { current: Json; desired: Json }, response: Json): boolean {
  return Object.entries(request.desired).every(([name, desired]) => {
    const patched = structuredClone(request.current[name]) as Json
    const patch = response[`${name}Patch`] as { patchType: string; patch: string } | undefined
    if (patch) apply(patched, patch)
    return isDeepStrictEqual(compared(name, patched), compared(name, desired as Json))
  })
}

function apply(object: Json, { patchType, patch }: { patchType: string; patch: string }): void {
  if (patchType !== 'JSONPatch') throw new Error(`unknown patch type ${patchType}`)
  const errors = applyPatch(object, JSON.parse(Buffer.from(patch, 'base64').toString()))
  for (const error of errors) if (error) throw error
}

// CAPI compares spec.template.spec of a MachineSet and of templates, and spec of everything else.
function compared(name: string, object: Json): unknown {
  const spec = object.spec as Json | null
  const isTemplate = name === 'machineSet' || name.endsWith('Template')
  const inner = isTemplate ? ((spec?.template as Json)?.spec as Json) : spec
  if (!name.startsWith('machine')) return inner
  return Object.fromEntries(Object.entries(inner ?? {}).filter(([key]) => !notCompared.includes(key)))
}
