import { join } from 'node:path'

/** The folder with the files that go into images: a folder for each image. */
export const imageFiles = join(import.meta.dirname, 'image')

/** The folder with the lab's own Go programs: a folder for each program. */
export const goSources = join(import.meta.dirname, 'go')
