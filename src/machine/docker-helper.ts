import type Docker from 'dockerode'
import { UpgradeError } from '../errors/upgrade-error.ts'
import type { SteadyClock } from './clock.ts'
import type { Helper } from './engine.ts'
import { boundedCall } from './engine-call.ts'
import { engineError, refusalOf } from './engine-error.ts'

// A container without this label is never started or removed.
const label = { 'capd-kubeadm-upgrader': 'image-source' }

/**
 * Starts a helper container, unless one of the same name is running. Throws IMAGE_SOURCE_MISSING,
 * IMAGE_REFERENCE_INVALID, NAME_TAKEN when a container that is not a helper has the name, and the errors of
 * engineError.
 */
export async function startHelper(docker: Docker, clock: SteadyClock, helper: Helper): Promise<void> {
  try {
    const id = (await createdOf(docker, clock, helper)) ?? (await foundOf(docker, clock, helper))
    if (id !== undefined) await start(docker, clock, id)
  } catch (thrown) {
    throw engineError(thrown, helper.name)
  }
}

// Returns the id of the new container, or undefined when its name is taken.
async function createdOf(docker: Docker, clock: SteadyClock, helper: Helper): Promise<string | undefined> {
  const { name, image, argv, volumes } = helper
  const [entrypoint, ...args] = argv
  const options = {
    // Without these two, dockerode puts the whole body into the URL too, whose length is limited.
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
    const { status, message } = refusalOf(thrown)
    if (status === 404) throw new UpgradeError('IMAGE_SOURCE_MISSING', { image }, { cause: thrown })
    if (message.includes('invalid reference format')) {
      throw new UpgradeError('IMAGE_REFERENCE_INVALID', { image }, { cause: thrown })
    }
    if (status === 409) return undefined
    throw thrown
  }
}

// Returns the id of an existing helper that was created but not started: the process that created it may have ended in
// between. A helper of another image was created for another version, so it is replaced.
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

// Returns undefined where the container was started or removed by another process in between.
async function orGone<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (thrown) {
    if ([304, 404, 409].includes(refusalOf(thrown).status)) return undefined
    throw thrown
  }
}
