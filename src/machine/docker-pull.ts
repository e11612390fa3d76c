import type { Readable } from 'node:stream'
import type Docker from 'dockerode'
import { UpgradeError } from '../errors/upgrade-error.ts'
import type { SteadyClock } from './clock.ts'
import { namesFullDisk } from './disk-full.ts'
import type { PullOptions } from './engine.ts'
import { engineError, refusalOf } from './engine-error.ts'
import { partsOfReference } from './image-reference.ts'
import { PullProgressReader } from './pull-progress.ts'

// An engine that unpacks a layer may report nothing meanwhile: a node image has one of about 1 GB.
const silentSeconds = 300

/**
 * Has the engine pull an image, of its own architecture. Resolves when it is there. The engine pulls for whom it is asked:
 * the pull ends with the connection, and what several ask for at the same time is fetched once.
 * Throws IMAGE_PULL_DENIED, IMAGE_PULL_NOT_FOUND, IMAGE_PULL_NO_SPACE, IMAGE_REFERENCE_INVALID, IMAGE_PULL_FAILED,
 * IMAGE_PULL_STALLED when the engine reports nothing for 5 minutes, ENGINE_UNREACHABLE, and the reason of the signal.
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
  let heardAt = clock.seconds()
  const reader = new PullProgressReader((progress) => {
    heardAt = clock.seconds()
    onProgress(progress)
  })
  const silence = async () => {
    for (let left = silentSeconds; left > 0; left = heardAt + silentSeconds - clock.seconds()) {
      await clock.sleep(left, ended.signal)
    }
    breakOff(new UpgradeError('IMAGE_PULL_STALLED', { image }))
  }
  silence().catch(() => {})
  try {
    await Promise.race([readTo(reader, ask(docker, image, call.signal), call.signal), broken.promise])
  } catch (thrown) {
    if (signal.aborted) throw signal.reason
    throw pullError(thrown, image)
  } finally {
    ended.abort()
    call.abort()
  }
}

// As Docker's own client asks: a digest takes the place of the tag.
function ask(docker: Docker, image: string, abortSignal: AbortSignal): Promise<Readable> {
  const { name, tag, digest } = partsOfReference(image)
  const options = { fromImage: name, tag: digest ?? tag ?? 'latest', abortSignal }
  return docker.createImage(options) as Promise<Readable>
}

async function readTo(reader: PullProgressReader, asked: Promise<Readable>, signal: AbortSignal): Promise<void> {
  const stream = await asked
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

// Where the registry refuses, the status is of the engine's making, and differs between its versions.
const denied = /denied|unauthorized|authentication required|no basic auth credentials|forbidden/i
const absent = /not found|manifest unknown|name unknown|no matching manifest|no match for platform/i

function pullError(thrown: unknown, image: string): UpgradeError {
  if (thrown instanceof UpgradeError) return thrown
  const { status, words } = refusalOf(thrown)
  const options = { cause: thrown }
  if (words.includes('invalid reference format')) return new UpgradeError('IMAGE_REFERENCE_INVALID', { image }, options)
  const general = engineError(thrown, '')
  if (general.code === 'ENGINE_UNREACHABLE') return general
  // The port of a connection that failed is another one each time.
  const values = { image, cause: words.replaceAll(/:\d+->/g, '->') }
  if (namesFullDisk(words)) return new UpgradeError('IMAGE_PULL_NO_SPACE', values, options)
  if (denied.test(words) || status === 401 || status === 403)
    return new UpgradeError('IMAGE_PULL_DENIED', values, options)
  if (absent.test(words) || status === 404) return new UpgradeError('IMAGE_PULL_NOT_FOUND', values, options)
  return new UpgradeError('IMAGE_PULL_FAILED', values, options)
}
