import { attempt, run } from '../../host/subprocess.ts'
import { UserError } from '../../host/user-error.ts'
import { kindNetwork } from '../host/names.ts'
import { ensure } from '../host/prerequisite.ts'
import { labels } from './labels.ts'

/** Ensures a Docker network for machines, and resolves to its name. */
export function ensureNetwork(name: string): Promise<string> {
  return ensure({
    title: `network ${name}`,
    find: async () => ((await hasNetwork(name)) ? name : undefined),
    create: async () => {
      await run`docker network create ${labels} ${name}`
      return name
    },
  })
}

/** The host's IPv4 address on a network, at which machines reach what the host serves. */
export async function gateway(name: string): Promise<string> {
  const format = '{{ range .IPAM.Config }}{{ .Gateway }} {{ end }}'
  const addresses = await run`docker network inspect --format ${format} ${name}`
  return addresses.split(' ').find((address) => address.includes('.')) ?? ''
}

/**
 * Whether there is a network of this name. Throws `UserError` when it belongs to someone else; the network of kind is
 * shared by all.
 */
export async function hasNetwork(name: string): Promise<boolean> {
  const format = '{{ index .Labels "capd-kubeadm-upgrader" }}'
  const label = await attempt`docker network inspect --format ${format} ${name}`
  if (label === undefined) return false
  if (label.trim() === 'lab' || name === kindNetwork) return true
  const next = 'choose another name with UPGRADER_LAB_CLUSTER'
  throw new UserError(`There is a Docker network "${name}" that is not the lab's.`, next)
}
