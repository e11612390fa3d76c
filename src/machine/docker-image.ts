import type Docker from 'dockerode'
import type { SteadyClock } from './clock.ts'
import { boundedCall } from './engine-call.ts'
import { engineError } from './engine-error.ts'
import { partsOfReference } from './image-reference.ts'

/**
 * The reference by which the engine has an image, or undefined where it does not have it. An image that was pulled by its
 * digest has no tag, so it is also found by the digests that are known for it, and by the one that a container was made
 * from: CAPD names image, tag and digest then (Cluster API v1.14.2, test/infrastructure/kind/mapper.go). Throws what
 * engineError makes of the engine's refusals.
 */
export async function findImage(
  docker: Docker,
  clock: SteadyClock,
  reference: string,
  digests: readonly string[],
): Promise<string | undefined> {
  const { name, tag, digest } = partsOfReference(reference)
  const tagged = reference.split('@', 1)[0] ?? reference
  try {
    const { tags, held } = await namesOf(docker, clock, name)
    const byDigest = (known: string) => (held.has(`${name}@${known}`) ? `${tagged}@${known}` : undefined)
    if (digest !== undefined) return byDigest(digest)
    if (tags.has(`${name}:${tag ?? 'latest'}`)) return reference
    const pinned = digests.find((known) => byDigest(known) !== undefined)
    if (pinned !== undefined) return byDigest(pinned)
    // Without an image of the name no container has one.
    if (held.size === 0) return undefined
    const used = await digestsUsed(docker, clock, { name, tag })
    return used.map(byDigest).find((found) => found !== undefined)
  } catch (thrown) {
    throw engineError(thrown, '')
  }
}

// What the images of one name are known by: name:tag, and name@digest.
async function namesOf(docker: Docker, clock: SteadyClock, name: string) {
  const filters = { reference: [name] }
  const images = await boundedCall(clock, (abortSignal) => docker.listImages({ filters, abortSignal }))
  const names = (of: (image: Docker.ImageInfo) => string[] | null | undefined) =>
    new Set(images.flatMap((image) => of(image) ?? []))
  return { tags: names(({ RepoTags }) => RepoTags), held: names(({ RepoDigests }) => RepoDigests) }
}

// The digests with which containers name an image and its tag.
async function digestsUsed(
  docker: Docker,
  clock: SteadyClock,
  { name, tag }: { name: string; tag: string | undefined },
): Promise<string[]> {
  const containers = await boundedCall(clock, (abortSignal) => docker.listContainers({ all: true, abortSignal }))
  const used = containers.map(({ Image }) => partsOfReference(Image))
  return used.filter((one) => one.name === name && one.tag === tag).flatMap(({ digest }) => digest ?? [])
}
