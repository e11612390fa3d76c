import type { FakeContainer } from './container.ts'
import { imagesOf } from './release.ts'
import { shellFile } from './shell-files.ts'
import type { SimulatedClock } from './simulated-clock.ts'

// What a node image holds: Kubernetes images, and programs by name, each with its version.
interface Held {
  images: readonly string[]
  programs: Readonly<Record<string, string>>
}

// What a container of a node image does when its programs, or an archive of its images, are requested.
export function nodeImage(clock: SimulatedClock, version: string, held: Partial<Held> = {}) {
  const programs = { kubeadm: version, kubelet: version, kubectl: version }
  const { images, programs: found }: Held = { images: imagesOf(version), programs, ...held }
  return (argv: string[], { machine }: FakeContainer, end: () => void) => {
    const [shell, option, script, , directory = '', key, ...asked] = argv
    const file = shellFile(script)
    if (!machine || shell !== 'sh' || option !== '-c') throw new Error('only shell files are faked')
    const { files } = machine
    const place = directory.replace('/machine/', '/var/')
    const copy = () => copyPrograms(files, place, found)
    const takes: Record<string, () => void> = {
      'upgrade/steps/binaries-copy.sh': copy,
      'upgrade/steps/image-archive.sh': () => packImages(files, place, { images, asked }),
    }
    const take = takes[file]
    if (!take) throw new Error('only programs and archives of images are faked')
    clock.after(take === copy ? 1 : 5, () => {
      if (files.get(`${place}/key`) === `${key}\n`) take()
      end()
    })
  }
}

type Files = Map<string, string>

function copyPrograms(files: Files, place: string, programs: Held['programs']): void {
  const isThere = [...files.keys()].some((path) => /^\/bin(\.copied)?\//.test(path.replace(place, '')))
  files.delete(`${place}/bin.failed`)
  if (isThere) return
  const missing = ['kubeadm', 'kubelet', 'kubectl'].find((name) => programs[name] === undefined)
  if (missing !== undefined) files.set(`${place}/bin.failed`, `lacks /usr/bin/${missing}\n`)
  else for (const [name, version] of Object.entries(programs)) files.set(`${place}/bin.copied/${name}`, version)
}

function packImages(files: Files, place: string, { images, asked }: Pick<Held, 'images'> & { asked: string[] }): void {
  const missing = asked.find((image) => !image.startsWith('?') && !images.includes(image))
  const there = asked.map((image) => image.replace('?', '')).filter((image) => images.includes(image))
  if (missing === undefined) files.set(`${place}/images.tar`, there.join('\n'))
  else files.set(`${place}/images.failed`, `lacks ${missing}\n`)
}
