import { join } from 'node:path'
import { imageFiles, inputsHash } from './cache.ts'
import { debianHash, debianImage } from './debian-image.ts'
import { canPull, docker, imageInputs, labelledFrom, pull } from './docker.ts'
import { need } from './stage.ts'
import { loadBalancer } from './versions.ts'

const name = `kindest/haproxy:${loadBalancer}`
const folder = join(imageFiles, 'haproxy')

// The image of the load balancer before a control plane, under the name by which Cluster API's Docker provider
// starts it.
export async function needLoadBalancerImage(): Promise<string> {
  const hash = await inputsHash(await debianHash(), folder)
  return need({
    title: name,
    there: async () => {
      const inputs = await imageInputs(name)
      return inputs === '' || inputs === hash ? name : undefined
    },
    needs: async () => ((await canPull(name)) ? undefined : debianImage()),
    make: async (base) => {
      if (base) await docker(`build ${labelledFrom(hash)} --tag ${name}`, [folder])
      else await pull(name)
      return name
    },
  })
}
