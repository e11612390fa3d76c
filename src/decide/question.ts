import type { KubeObject } from '../contract/objects.ts'
import type { Settings } from '../contract/settings.ts'
import { type Path, valueAt } from '../kubernetes/json.ts'
import { backendOf } from '../kubernetes/kinds.ts'
import type { Role } from '../kubernetes/versions.ts'

/** One object before and after, and where its spec is: ['spec'], or ['spec', 'template', 'spec']. */
export interface Sides {
  current: KubeObject | undefined
  desired: KubeObject | undefined
  root: Path
}

/** A change of a machine, from a request of Cluster API. */
export interface Question {
  role: Role
  changes: Settings['changes']
  inMemory: Settings['inMemory']
  exchange: Settings['exchange']
  disableInPlaceUpdates: Settings['disableInPlaceUpdates']
  machine: Sides
  infrastructure: Sides
  bootstrapConfig: Sides
}

/** The spec of an object before and after. */
export function specsOf({ current, desired, root }: Sides): { current: unknown; desired: unknown } {
  return { current: valueAt(current, root), desired: valueAt(desired, root) }
}

/** True for a machine of the in-memory backend, to which nothing is done. */
export function isSimulated({ infrastructure: { current, desired } }: Question): boolean {
  return [current, desired].some((object) => object && backendOf(object) === 'inMemory')
}
