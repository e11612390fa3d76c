import { join } from 'node:path'
import { withStaging } from '../host/cache.ts'
import { inputsLabel } from '../host/names.ts'
import { need } from '../host/stage.ts'
import { docker } from './docker.ts'

// Puts an image of the engine into a cluster's machine, unless it is there. `kind load` asks crictl for that, which a
// machine of ours does not have.
export async function needImageIn(machine: string, image: string) {
  const ctr = `ctr --namespace k8s.io images`
  const name = fullName(image)
  const label = `${inputsLabel}=${(await docker(`image inspect --format {{.Id}} ${image}`)).trim()}`
  await need({
    title: `${image} in ${machine}`,
    there: async () => (await docker(`exec ${machine} ${ctr} list name==${name}`)).includes(label) || undefined,
    make: async () => {
      await withStaging('image', async (staging) => {
        const archive = join(staging, 'image.tar')
        await docker(`save --output ${archive} ${image}`)
        const load = `exec --interactive ${machine} ${ctr} import --all-platforms --no-unpack -`
        await docker(load, [], { inputFile: archive })
      })
      await docker(`exec ${machine} ${ctr} label ${name} ${label}`)
      return true
    },
  })
}

// As containerd has it: Docker leaves its own registry's name out.
function fullName(image: string) {
  const [first = '', ...rest] = image.split('/')
  if (!rest.length) return `docker.io/library/${image}`
  return /[.:]/.test(first) || first === 'localhost' ? image : `docker.io/${image}`
}
