import type Docker from 'dockerode'
import { UpgradeError } from '../errors/upgrade-error.ts'
import type { SteadyClock } from './clock.ts'
import type { Helper } from './engine.ts'
import { boundedCall } from './engine-call.ts'
import { engineError, refusalOf } from './engine-error.ts'

// A container without it is not ours to start or to remove.
const label = { 'capd-kubeadm-upgrader': 'image-source' }

/**
 * Makes sure that a helper of this name runs, or has run a moment ago. Throws IMAGE_SOURCE_MISSING,
 * IMAGE_REFERENCE_INVALID, NAME_TAKEN when a container of another has the name, and what engineError makes of the
 * engine's other refusals.
 */
export async function startHelper(docker: Docker, clock: SteadyClock, helper: Helper): Promise<void> {
  try {
    const id = (await createdOf(docker, clock, helper)) ?? (await foundOf(docker, clock, helper))
    if (id !== undefined) await start(docker, clock, id)
  } catch (thrown) {
    throw engineError(thrown, helper.name)
  }
}

// The id of the new container; undefined when its name is taken.
async function createdOf(docker: Docker, clock: SteadyClock, helper: Helper): Promise<string | undefined> {
  const { name, image, argv, volumes } = helper
  const [entrypoint, ...args] = argv
  const options = {
    // dockerode would put all of it into the address, too, which has a limit.
    _query: { name },
    _body: {
      Image: image,
      Entrypoint: [entrypoint],
      Cmd: args,
      Labels: label,
      HostConfig: {
        AutoRemove: true,
        NetworkMode: 'none',
        Binds: Object.entries(volumes).map(([volume, path]) => `${volume}:${path}`),
      },
    },
  }
  try {
    return (await boundedCall(clock, (abortSignal) => docker.createContainer({ ...options, abortSignal }))).id
  } catch (thrown) {
    const { status, words } = refusalOf(thrown)
    if (status === 404) throw new UpgradeError('IMAGE_SOURCE_MISSING', { image }, { cause: thrown })
    if (words.includes('invalid reference format')) {
      throw new UpgradeError('IMAGE_REFERENCE_INVALID', { image }, { cause: thrown })
    }
    if (status === 409) return undefined
    throw thrown
  }
}

// The id of the container that has the name, where it is a helper that is still to be started, because whoever made it
// may have ended before. One of another image was made for another version: it gives way.
async function foundOf(docker: Docker, clock: SteadyClock, helper: Helper): Promise<string | undefined> {
  const { name, image } = helper
  const container = docker.getContainer(name)
  const found = await orGone(boundedCall(clock, (abortSignal) => container.inspect({ abortSignal })))
  if (found === undefined) return undefined
  const isOurs = Object.entries(label).every(([key, value]) => found.Config.Labels?.[key] === value)
  if (!isOurs) throw new UpgradeError('NAME_TAKEN', { name })
  if (found.State.Running) return undefined
  if (found.Config.Image === image) return found.Id
  await orGone(boundedCall(clock, (abortSignal) => docker.getContainer(found.Id).remove({ abortSignal })))
  return createdOf(docker, clock, helper)
}

async function start(docker: Docker, clock: SteadyClock, id: string): Promise<void> {
  await orGone(boundedCall(clock, (abortSignal) => docker.getContainer(id).start({ abortSignal })))
}

// Undefined where another has started, removed or outlived the container a moment ago.
async function orGone<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (thrown) {
    if ([304, 404, 409].includes(refusalOf(thrown).status)) return undefined
    throw thrown
  }
}
