import { UserError } from '../../host/user-error.ts'
import { kindNetwork } from '../host/names.ts'
import { need } from '../host/stage.ts'
import { docker, labelled, tryDocker } from './docker.ts'

// A network of machines.
export function needNetwork(name: string): Promise<string> {
  return need({
    title: `network ${name}`,
    there: async () => ((await hasNetwork(name)) ? name : undefined),
    make: async () => {
      await docker(`network create ${labelled} ${name}`)
      return name
    },
  })
}

// The host's address on it: what listens there can be reached by the machines.
export async function gateway(name: string): Promise<string> {
  const format = '{{ range .IPAM.Config }}{{ .Gateway }} {{ end }}'
  const addresses = (await docker('network inspect --format', [format, name])).split(' ')
  return addresses.find((address) => address.includes('.')) ?? ''
}

// One of that name that is somebody else's stops everything, but for kind's, which is for all.
export async function hasNetwork(name: string): Promise<boolean> {
  const format = '{{ index .Labels "capd-kubeadm-upgrader" }}'
  const label = await tryDocker('network inspect --format', [format, name])
  if (label === undefined) return false
  if (label.trim() === 'lab' || name === kindNetwork) return true
  const next = 'choose another name with UPGRADER_LAB_CLUSTER'
  throw new UserError(`There is a Docker network "${name}" that is not the lab's.`, next)
}
