import { attempt, run } from '../../host/subprocess.ts'
import { inputsLabel, labLabel } from '../host/names.ts'

/**
 * The hash of what the lab made an image of the engine from: empty for an image that the lab did not make, undefined
 * where there is no image of this name.
 */
export async function imageInputs(name: string): Promise<string | undefined> {
  const label = `{{ with .Config.Labels }}{{ index . "${inputsLabel}" }}{{ end }}`
  return (await attempt`docker image inspect --format ${label} ${name}`)?.trim()
}

/** Whether a registry has the image. A manifest is small, so a registry that does not answer is known after 8 seconds. */
export async function canPull(name: string): Promise<boolean> {
  return (await attempt({ timeoutSeconds: 8 })`docker manifest inspect ${name}`) !== undefined
}

/** Pulls an image. Throws `UserError` when it fails or takes over 20 minutes. */
export async function pull(name: string): Promise<void> {
  await run({ timeoutSeconds: 1200 })`docker pull --quiet ${name}`
}

/** Removes the lab's images that have lost their name to a newer build. */
export async function pruneImages(): Promise<void> {
  await run`docker image prune --force --filter label=${labLabel}`
}
