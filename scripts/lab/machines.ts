import { docker, removeContainers } from './docker.ts'
import { LabError } from './lab-error.ts'
import { cluster, network } from './names.ts'

export interface Machine {
  name: string
  // Docker's word: running, paused, exited, …
  state: string
}

// The cluster's machine containers. A cluster of that name that is somebody else's stops everything.
export async function machines(): Promise<Machine[]> {
  const format = '{{.Names}}\t{{.State}}\t{{.Networks}}'
  const list = await docker(`ps --all --filter label=io.x-k8s.kind.cluster=${cluster} --format`, [format])
  return list
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [name = '', state = '', on] = line.split('\t')
      if (on === network) return { name, state }
      const next = 'choose another name with UPGRADER_LAB_CLUSTER'
      throw new LabError(`There is a kind cluster "${cluster}" that is not the lab's, on network ${on}.`, next)
    })
}

export async function removeMachines() {
  await removeContainers((await machines()).map(({ name }) => name))
}
