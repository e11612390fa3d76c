import { type FakeContainer, newId, plainContainer } from './container.ts'
import { Refusal } from './reply.ts'

// The body of POST /containers/create, as far as it is used.
export interface Created {
  Image: string
  Entrypoint: string[]
  Cmd: string[]
  Labels: Record<string, string>
  HostConfig: { AutoRemove: boolean; NetworkMode: string; Binds: string[] }
}

type Behaviour = (argv: string[], at: FakeContainer, end: () => void) => void

// Containers that are made through the engine's API, and the images that they are made from.
export class Helpers {
  // Name to what a container of this image does with its arguments, on the volume's container.
  readonly images = new Map<string, Behaviour>()
  // Names, in the order of their starts.
  readonly starts: string[] = []
  readonly #containers: FakeContainer[]
  readonly #created = new Map<string, Created>()

  constructor(containers: FakeContainer[]) {
    this.#containers = containers
  }

  // With a digest the tag has no meaning.
  find(reference: string): Behaviour | undefined {
    return this.images.get(reference.replace(/:[\w.-]+@/, '@'))
  }

  create(name: string, created: Created): string {
    const taken = this.#containers.find((container) => container.name === name)
    if (taken)
      throw new Refusal(409, `Conflict. The container name "/${name}" is already in use by container "${taken.id}".`)
    if (!/^[a-z0-9][a-z0-9./_-]*(:[\w.-]+)?(@sha256:[0-9a-f]{64})?$/.test(created.Image))
      throw new Refusal(400, 'invalid reference format')
    if (!this.find(created.Image)) throw new Refusal(404, `No such image: ${created.Image}`)
    const { AutoRemove, NetworkMode } = created.HostConfig
    if (!AutoRemove || NetworkMode !== 'none') throw new Error('a helper is to be removed and to have no network')
    const container = {
      ...plainContainer(name, () => ({ chunks: [], exitCode: 0 })),
      id: newId(),
      labels: created.Labels,
      image: created.Image,
      running: false,
    }
    this.#containers.push(container)
    this.#created.set(container.id, created)
    return container.id
  }

  start(nameOrId: string): string {
    const container = this.#containers.find(({ id, name }) => id === nameOrId || name === nameOrId)
    const created = this.#created.get(container?.id ?? '')
    if (!container || !created) throw new Refusal(404, `No such container: ${nameOrId}`)
    if (container.running) throw new Refusal(304, '')
    container.running = true
    this.starts.push(container.name)
    const [volume, path] = created.HostConfig.Binds[0]?.split(':') ?? []
    const at = this.#containers.find(({ mounts }) => mounts.some(({ Name }) => Name === volume))
    if (!at || path !== '/machine') throw new Error('a helper is to have a machine at /machine')
    this.find(created.Image)?.([...created.Entrypoint, ...created.Cmd], at, () => this.#remove(container))
    return ''
  }

  remove(nameOrId: string): string {
    const container = this.#containers.find(({ id, name }) => id === nameOrId || name === nameOrId)
    if (!container) throw new Refusal(404, `No such container: ${nameOrId}`)
    if (container.running) throw new Refusal(409, `cannot remove container "/${container.name}": container is running`)
    this.#remove(container)
    return ''
  }

  #remove(container: FakeContainer): void {
    this.#created.delete(container.id)
    this.#containers.splice(this.#containers.indexOf(container), 1)
  }
}
