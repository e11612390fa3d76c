import { docker, labelled, tryDocker } from './docker.ts'
import { LabError } from './lab-error.ts'
import { network } from './names.ts'
import { need } from './stage.ts'

// The machines' network. Not kind's own, on which other clusters may be.
export function needNetwork(): Promise<string> {
  return need({
    title: `network ${network}`,
    there: async () => ((await hasNetwork()) ? network : undefined),
    make: async () => {
      await docker(`network create ${labelled} ${network}`)
      return network
    },
  })
}

// The host's address on it: what listens there can be reached by the machines.
export async function gateway(): Promise<string> {
  const format = '{{ (index .IPAM.Config 0).Gateway }}'
  return (await docker('network inspect --format', [format, network])).trim()
}

// One of that name that is somebody else's stops everything.
export async function hasNetwork(): Promise<boolean> {
  const format = '{{ index .Labels "capd-kubeadm-upgrader" }}'
  const label = await tryDocker('network inspect --format', [format, network])
  if (label === undefined) return false
  if (label.trim() === 'lab') return true
  const next = 'choose another name with UPGRADER_LAB_CLUSTER'
  throw new LabError(`There is a Docker network "${network}" that is not the lab's.`, next)
}
