import type { Readable } from 'node:stream'
import type Docker from 'dockerode'
import { UpgradeError } from '../errors/upgrade-error.ts'
import type { SteadyClock } from './clock.ts'
import { reportsFullDisk } from './disk-full.ts'
import type { PullOptions } from './engine.ts'
import { engineError, refusalOf } from './engine-error.ts'
import { partsOfReference } from './image-reference.ts'
import { PullProgressReader } from './pull-progress.ts'

// While the engine unpacks a layer it may report nothing, and a node image has a layer of about 1 GB.
const silentSeconds = 300

/**
 * Pulls an image for the engine's own architecture. Resolves when the engine has the image. The pull is bound to the
 * connection: it ends with it. The engine downloads a layer once for all pulls that run at the same time.
 * Throws IMAGE_PULL_DENIED, IMAGE_PULL_NOT_FOUND, IMAGE_PULL_NO_SPACE, IMAGE_REFERENCE_INVALID, IMAGE_PULL_FAILED,
 * IMAGE_PULL_STALLED when the engine reports nothing for 5 minutes, ENGINE_UNREACHABLE, and the signal's reason.
 */
export async function pullImage(
  docker: Docker,
  clock: SteadyClock,
  image: string,
  { signal, onProgress }: PullOptions,
): Promise<void> {
  const broken = Promise.withResolvers<never>()
  const call = new AbortController()
  const ended = new AbortController()
  const breakOff = (reason: unknown) => {
    broken.reject(reason)
    call.abort(reason)
  }
  broken.promise.catch(() => {})
  signal.addEventListener('abort', () => breakOff(signal.reason), { signal: ended.signal })
  if (signal.aborted) breakOff(signal.reason)
  let reportedAt = clock.seconds()
  const reader = new PullProgressReader((progress) => {
    reportedAt = clock.seconds()
    onProgress(progress)
  })
  const silence = async () => {
    for (let left = silentSeconds; left > 0; left = reportedAt + silentSeconds - clock.seconds()) {
      await clock.sleep(left, ended.signal)
    }
    breakOff(new UpgradeError('IMAGE_PULL_STALLED', { image }))
  }
  silence().catch(() => {})
  try {
    await Promise.race([readTo(reader, createImage(docker, image, call.signal), call.signal), broken.promise])
  } catch (thrown) {
    if (signal.aborted) throw signal.reason
    throw pullError(thrown, image)
  } finally {
    ended.abort()
    call.abort()
  }
}

// Docker's own client sends the digest in place of the tag, too.
function createImage(docker: Docker, image: string, abortSignal: AbortSignal): Promise<Readable> {
  const { name, tag, digest } = partsOfReference(image)
  const options = { fromImage: name, tag: digest ?? tag ?? 'latest', abortSignal }
  return docker.createImage(options) as Promise<Readable>
}

async function readTo(reader: PullProgressReader, response: Promise<Readable>, signal: AbortSignal): Promise<void> {
  const stream = await response
  const destroy = () => stream.destroy()
  signal.addEventListener('abort', destroy)
  if (signal.aborted) destroy()
  try {
    for await (const chunk of stream) reader.read(chunk as Buffer)
    reader.end()
  } finally {
    signal.removeEventListener('abort', destroy)
  }
}

// When the registry refuses, the HTTP status depends on the version of the engine, so the message decides.
const denied = /denied|unauthorized|authentication required|no basic auth credentials|forbidden/i
const absent = /not found|manifest unknown|name unknown|no matching manifest|no match for platform/i

function pullError(thrown: unknown, image: string): UpgradeError {
  if (thrown instanceof UpgradeError) return thrown
  const { status, message } = refusalOf(thrown)
  const options = { cause: thrown }
  if (message.includes('invalid reference format'))
    return new UpgradeError('IMAGE_REFERENCE_INVALID', { image }, options)
  const general = engineError(thrown, '')
  if (general.code === 'ENGINE_UNREACHABLE') return general
  // The local port of a failed connection is different each time.
  const values = { image, cause: message.replaceAll(/:\d+->/g, '->') }
  if (reportsFullDisk(message)) return new UpgradeError('IMAGE_PULL_NO_SPACE', values, options)
  if (denied.test(message) || status === 401 || status === 403)
    return new UpgradeError('IMAGE_PULL_DENIED', values, options)
  if (absent.test(message) || status === 404) return new UpgradeError('IMAGE_PULL_NOT_FOUND', values, options)
  return new UpgradeError('IMAGE_PULL_FAILED', values, options)
}
