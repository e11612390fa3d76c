import { isDeepStrictEqual } from 'node:util'
import { applyPatch } from 'rfc6902'
import { type Address, callService } from './call.ts'

// Plays the part of Cluster API's controllers: what they send, how they read the answers. Nothing of src/ is used.
// Source: CAPI v1.14.2 internal/runtime/client/client.go, internal/util/{patch,compare,inplace}.
const group = 'hooks.runtime.cluster.x-k8s.io/v1alpha1'

export type Json = Record<string, unknown>

interface Handler {
  name: string
  requestHook: { hook: string }
  timeoutSeconds: number
}

// Asks for the handlers and gives the path of each hook, as CAPI builds it.
export async function discover(service: Address): Promise<Map<string, string>> {
  const answer = await post(service, `/${group}/discovery?timeout=10s`, {
    kind: 'DiscoveryRequest',
    apiVersion: group,
  })
  const handlers = answer.handlers as Handler[]
  return new Map(
    handlers.map(({ name, requestHook: { hook }, timeoutSeconds }) => [
      hook,
      `/${group}/${hook.toLowerCase()}/${name}?timeout=${timeoutSeconds}s`,
    ]),
  )
}

// One call of a hook. Throws what CAPI would report as an error: another status than 200, or not a Success.
export async function post(service: Address, path: string, body: Json): Promise<Json> {
  const { status, body: text } = await callService(service, 'POST', path, JSON.stringify(body))
  if (status !== 200) throw new Error(`got response with status code ${status} != 200: ${text.slice(0, 512)}`)
  const answer = JSON.parse(text) as Json
  if (answer.status !== 'Success') throw new Error(String(answer.message))
  return answer
}

// The members of a Machine's spec that are not compared (internal/util/inplace/inplace.go).
const notCompared = [
  'clusterName',
  'bootstrap',
  'infrastructureRef',
  'providerID',
  'minReadySeconds',
  'readinessGates',
  'deletion',
  'taints',
]

// True when the answer's patches make all three objects of `current` exactly those of `desired`: raw, where
// absent is not `{}`. Only then does Cluster API update in place.
export function coversAll(request: { current: Json; desired: Json }, answer: Json): boolean {
  return Object.entries(request.desired).every(([name, desired]) => {
    const patched = structuredClone(request.current[name]) as Json
    const patch = answer[`${name}Patch`] as { patchType: string; patch: string } | undefined
    if (patch) apply(patched, patch)
    return isDeepStrictEqual(compared(name, patched), compared(name, desired as Json))
  })
}

function apply(object: Json, { patchType, patch }: { patchType: string; patch: string }): void {
  if (patchType !== 'JSONPatch') throw new Error(`unknown patch type ${patchType}`)
  const errors = applyPatch(object, JSON.parse(Buffer.from(patch, 'base64').toString()))
  for (const error of errors) if (error) throw error
}

// Of a MachineSet and of templates CAPI compares spec.template.spec, else spec.
function compared(name: string, object: Json): unknown {
  const spec = object.spec as Json | null
  const isTemplate = name === 'machineSet' || name.endsWith('Template')
  const inner = isTemplate ? ((spec?.template as Json)?.spec as Json) : spec
  if (!name.startsWith('machine')) return inner
  return Object.fromEntries(Object.entries(inner ?? {}).filter(([key]) => !notCompared.includes(key)))
}
