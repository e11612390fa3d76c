import { join } from 'node:path'
import { canPull, docker, imageInputs, labelledFrom, pull } from '../engine/docker.ts'
import { imageFiles, inputsHash } from '../host/cache.ts'
import { need } from '../host/stage.ts'
import { loadBalancer } from '../host/versions.ts'
import { debianHash, debianImage } from './debian-image.ts'

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
