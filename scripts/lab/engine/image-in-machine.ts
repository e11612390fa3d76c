import { join } from 'node:path'
import { run } from '../../host/subprocess.ts'
import { withStaging } from '../host/cache.ts'
import { inputsLabel } from '../host/names.ts'
import { ensure } from '../host/prerequisite.ts'

/**
 * Ensures that containerd in a machine has an image of the engine, in the engine's version of it. `kind load` needs
 * crictl in the machine for that, which the lab's machines do not have.
 */
export async function ensureImageInMachine(machine: string, image: string): Promise<void> {
  const ctr = ['ctr', '--namespace', 'k8s.io', 'images']
  const name = fullName(image)
  const id = (await run`docker image inspect --format {{.Id}} ${image}`).trim()
  const label = `${inputsLabel}=${id}`
  await ensure({
    title: `${image} in ${machine}`,
    find: async () => (await run`docker exec ${machine} ${ctr} list name==${name}`).includes(label) || undefined,
    create: async () => {
      await withStaging('image', async (staging) => {
        const archive = join(staging, 'image.tar')
        await run`docker save --output ${archive} ${image}`
        const load = run({ inputFile: archive })
        await load`docker exec --interactive ${machine} ${ctr} import --all-platforms --no-unpack -`
      })
      await run`docker exec ${machine} ${ctr} label ${name} ${label}`
      return true
    },
  })
}

// The name that containerd has for an image: Docker omits the name of its own registry.
function fullName(image: string): string {
  const [first = '', ...rest] = image.split('/')
  if (rest.length === 0) return `docker.io/library/${image}`
  return /[.:]/.test(first) || first === 'localhost' ? image : `docker.io/${image}`
}
