import { ensure } from '../host/prerequisite.ts'
import { canPull, imageInputs, pull } from './images.ts'

/** An image that a registry publishes, that the lab can build, or both. */
export interface ImageSource<Inputs> {
  /** Names it in the log. */
  title: string
  /** Its name in a registry; undefined for an image that only the lab builds. */
  published?: string
  /** The names under which the lab builds it. The first may be the published one. */
  built: readonly [string, ...string[]]
  /** Loads the build. It is called only when the engine has no published image, and no other that is up to date. */
  load: () => Promise<ImageBuild<Inputs>>
}

/** How the lab builds an image. */
export interface ImageBuild<Inputs = unknown> {
  /** The hash of everything that the image is made from. The build labels the image with it. */
  hash: string
  /** Ensures what the image is made from, in stages of its own. */
  prepare: () => Promise<Inputs>
  /** Builds it under each of the names that `built` has. */
  build: (inputs: Inputs) => Promise<void>
}

/**
 * Ensures that the engine has an image, and resolves to its name: the published image where the engine has it, else the
 * lab's build where it is up to date. Else it is pulled, and where no registry has it, it is built.
 */
export async function ensureImage<Inputs>(source: ImageSource<Inputs>): Promise<string> {
  const { title, published, built, load } = source
  return ensure({
    title,
    find: async () => {
      if (published !== undefined && (await imageInputs(published)) === '') return published
      const found = await Promise.all(built.map(imageInputs))
      if (found.some((hash) => !hash)) return undefined
      const { hash } = await load()
      return found.every((inputs) => inputs === hash) ? built[0] : undefined
    },
    prepare: async () => {
      if (published !== undefined && (await canPull(published))) {
        return async () => {
          await pull(published)
          return published
        }
      }
      const { prepare, build } = await load()
      const inputs = await prepare()
      return async () => {
        await build(inputs)
        return built[0]
      }
    },
    create: (create) => create(),
  })
}
