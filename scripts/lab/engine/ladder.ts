import { nodeImage } from '../host/names.ts'
import { ladders } from '../host/versions.ts'
import { canPull, imageInputs } from './images.ts'

/** Kubernetes versions that machines of this lab go through, oldest first. */
export interface Ladder {
  /** The version that new machines have, and the one that they are upgraded to. */
  from: string
  to: string
  /** Those two and what comes after them. */
  all: readonly string[]
}

let chosen: Promise<Ladder> | undefined

/** Resolves to the versions whose node images can be pulled, else to those that are built. Images on the engine decide first. */
export function ladder(): Promise<Ladder> {
  chosen ??= choose().then((all) => ({ from: all[0], to: all[1], all }))
  return chosen
}

async function choose(): Promise<(typeof ladders)[keyof typeof ladders]> {
  const { released, built } = ladders
  // An image of this version that the lab has built does not come from a registry.
  if ((await imageInputs(nodeImage(released[0]))) === '') return released
  if ((await imageInputs(nodeImage(built[0]))) !== undefined) return built
  return (await canPull(nodeImage(released[0]))) ? released : built
}
