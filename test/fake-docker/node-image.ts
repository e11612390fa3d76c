import type { FakeContainer } from './container.ts'
import { imagesOf } from './release.ts'
import { shellFile } from './shell-files.ts'
import type { SimulatedClock } from './simulated-clock.ts'

// What a container of a node image does when it is asked for an archive of its images.
export function nodeImage(clock: SimulatedClock, version: string, images = imagesOf(version)) {
  return (argv: string[], { machine }: FakeContainer, end: () => void) => {
    const [shell, option, script, , directory = '', key, ...asked] = argv
    const file = shellFile(script)
    if (!machine || shell !== 'sh' || option !== '-c' || file !== 'upgrade/steps/image-archive.sh') {
      throw new Error('only archives of images are faked')
    }
    clock.after(5, () => {
      const place = directory.replace('/machine/', '/var/')
      if (machine.files.get(`${place}/key`) !== `${key}\n`) return end()
      const missing = asked.find((image) => !image.startsWith('?') && !images.includes(image))
      const there = asked.map((image) => image.replace('?', '')).filter((image) => images.includes(image))
      if (missing === undefined) machine.files.set(`${place}/images.tar`, there.join('\n'))
      else machine.files.set(`${place}/images.failed`, `lacks ${missing}\n`)
      end()
    })
  }
}
