import { readFileSync } from 'node:fs'
import type { KubeObject } from '../../src/contract/objects.ts'

export type Json = Record<string, unknown>

// A request as it was captured on its way out of Cluster API v1.14.2.
interface Captured {
  url: string
  headers: Record<string, string>
  body: Json
}

// The objects of a CanUpdate request by their names, ready to be changed by a test.
interface Compared extends Json {
  settings?: Record<string, string>
  current: Record<string, KubeObject>
  desired: Record<string, KubeObject>
}

export function captured(name: string): Captured {
  const file = new URL(`../fixtures/capi-v1.14.2/${name}.json`, import.meta.url)
  return JSON.parse(readFileSync(file, 'utf8'))
}

// CanUpdateMachine for a control plane machine, CanUpdateMachineSet for workers: v1.34.4 to v1.35.4.
export const asked = {
  machine: () => captured('can-update-machine.version').body as Compared,
  machineSet: () => captured('can-update-machine-set.version').body as Compared,
}

// What is inside an answer's patch field, or undefined where the answer has none.
export function patchIn(answer: Json, field: string): Json[] | undefined {
  const patch = answer[field] as { patchType: string; patch: string } | undefined
  return patch && JSON.parse(Buffer.from(patch.patch, 'base64').toString())
}

// Sets a value deep in an object, making the objects on the way.
export function put(object: unknown, path: string[], value: unknown): void {
  const [key = '', ...rest] = path
  const holder = object as Json
  if (rest.length === 0) holder[key] = value
  else {
    holder[key] ??= {}
    put(holder[key], rest, value)
  }
}
