import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import Docker from 'dockerode'
import { UpgradeError } from '../../src/errors/upgrade-error.ts'
import type { Engine } from '../../src/machine/engine.ts'
import type { FakeContainer } from './container.ts'
import { type Asked, Execs } from './execs.ts'
import { type Created, Helpers } from './helpers.ts'
import { Refusal, type Reply } from './reply.ts'

// What a test lets the engine do wrong with a request, such as "GET /containers/w-1/json": refuse it, answer nothing, or
// stop in the middle of the answer.
export type Fault = (request: string) => Refusal | Stop | undefined
type Stop = 'hang' | 'half'

// A Docker engine that speaks as much of its HTTP API, on a unix socket, as this program uses.
export class FakeEngine {
  readonly containers: FakeContainer[] = []
  readonly execs = new Execs((name) => this.container(name))
  readonly helpers = new Helpers(this.containers)
  // What the engine's registry does with a pull of a reference, such as name:tag or name@digest: it throws a Refusal, or
  // writes the report of the pull.
  onPull: (reference: string, response: ServerResponse) => void = (reference) => {
    throw new Refusal(404, `manifest for ${reference} not found: manifest unknown: manifest unknown`)
  }
  // The same where no wire is between.
  pull: Engine['pull'] = (image) =>
    Promise.reject(new UpgradeError('IMAGE_PULL_NOT_FOUND', { image, cause: 'manifest unknown' }))
  // The references of all pulls.
  readonly pulls: string[] = []
  readonly requests: string[] = []
  // Requests that this fake does not know: each is a fault of the test.
  readonly unknown: string[] = []
  fault: Fault = () => undefined
  #directory = ''
  readonly #sockets = new Set<Duplex>()
  #server = this.#newServer()

  get socketPath(): string {
    return join(this.#directory, 'docker.sock')
  }

  // How many connections its clients keep.
  get connections(): number {
    return this.#sockets.size
  }

  // The real client of this engine.
  get docker(): Docker {
    return new Docker({ socketPath: this.socketPath })
  }

  async up(): Promise<void> {
    this.#directory ||= mkdtempSync(join(tmpdir(), 'fake-docker-'))
    await new Promise<void>((resolve) => this.#server.listen(this.socketPath, resolve))
  }

  // The engine ends: its socket is gone, and so is every connection.
  async down(): Promise<void> {
    const closed = new Promise<unknown>((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    for (const socket of this.#sockets) socket.destroy()
    await closed
    this.#server = this.#newServer()
  }

  async remove(): Promise<void> {
    await this.down()
    rmSync(this.#directory, { recursive: true, force: true })
  }

  container(nameOrId: string): FakeContainer {
    const found = this.containers.find(({ id, name }) => id === nameOrId || name === nameOrId)
    if (!found) throw new Refusal(404, `No such container: ${nameOrId}`)
    return found
  }

  #newServer() {
    const server = createServer((request, response) => void this.#serve(request, response))
    server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
      // A client that is gone in the middle of an answer is no concern of the engine.
      socket.on('error', () => {})
    })
    return server.on('upgrade', (request, socket, head) => void this.#upgrade(request, socket, head))
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request)
    const reply = this.#reply(request, () => {
      if (request.url?.startsWith('/images/create?')) return this.#pull(request.url, response)
      return this.#answer(request, body === '' ? {} : JSON.parse(body))
    })
    if (reply === 'streams') return
    if (reply === 'half') response.writeHead(200, { 'Content-Type': 'application/json' }).write('{')
    if (reply === 'hang' || reply === 'half') return
    const { status, body: answer } = reply
    if (answer instanceof Uint8Array) return void response.writeHead(status).end(answer)
    response.writeHead(status, { 'Content-Type': 'application/json' })
    response.end(typeof answer === 'string' ? answer : JSON.stringify(answer))
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const reply = this.#reply(request, () => ({ status: 101, body: '' }))
    if (reply === 'hang' || reply === 'half') {
      // Or the end of the client would not be noticed.
      socket.on('end', () => socket.end()).resume()
      return
    }
    const id = /^\/exec\/([^/]+)\/start$/.exec(request.url ?? '')?.[1]
    const refused = reply.status === 101 ? this.execs.refusal(id) : reply
    if (!refused) return this.execs.start(id ?? '', request, socket, head)
    const answer = JSON.stringify(refused.body)
    socket.end(`HTTP/1.1 ${refused.status} Refused\r\nContent-Length: ${answer.length}\r\n\r\n${answer}`)
  }

  #reply<T extends Reply | 'streams'>(request: IncomingMessage, answer: () => T): T | Reply | Stop {
    const line = `${request.method} ${request.url}`
    this.requests.push(line)
    try {
      const fault = this.fault(line)
      if (fault === 'hang' || fault === 'half') return fault
      return fault ? fault.reply : answer()
    } catch (thrown) {
      if (thrown instanceof Refusal) return thrown.reply
      this.unknown.push(`${line}: ${(thrown as Error).message}`)
      return { status: 501, body: { message: 'not faked' } }
    }
  }

  #pull(url: string, response: ServerResponse): 'streams' {
    const asked = new URL(url, 'http://docker').searchParams
    const tag = asked.get('tag') ?? ''
    const reference = `${asked.get('fromImage')}${tag.startsWith('sha256:') ? '@' : ':'}${tag}`
    this.pulls.push(reference)
    this.onPull(reference, response)
    return 'streams'
  }

  #answer({ method, url }: IncomingMessage, body: Asked & Created): Reply {
    const { pathname, searchParams } = new URL(url ?? '', 'http://docker')
    const [kind = '', name = '', action = ''] = pathname.slice(1).split('/').map(decodeURIComponent)
    switch (`${method} ${kind} ${action}`) {
      case 'GET _ping ':
        return { status: 200, body: 'OK' }
      case 'GET containers ':
        return { status: 200, body: this.#list(searchParams) }
      case 'GET containers json':
        return { status: 200, body: inspected(this.container(name)) }
      case 'GET containers archive':
        return { status: 200, body: archiveOf(this.container(name), searchParams.get('path') ?? '') }
      case 'GET images ':
        return { status: 200, body: this.#images() }
      case 'POST containers exec':
        return { status: 201, body: { Id: this.execs.create(name, body) } }
      case 'GET exec json':
        return { status: 200, body: this.execs.inspect(name) }
      case 'POST containers ':
        return { status: 201, body: { Id: this.helpers.create(searchParams.get('name') ?? '', body) } }
      case 'DELETE containers ':
        return { status: 204, body: this.helpers.remove(name) }
      case 'POST containers start':
        return { status: 204, body: this.helpers.start(name) }
      default:
        throw new Error('this request is not faked')
    }
  }

  // Each has a tag or a digest: an image that was pulled by its digest has no tag.
  #images(): object[] {
    return [...this.helpers.images.keys()].map((name) =>
      name.includes('@') ? { RepoTags: null, RepoDigests: [name] } : { RepoTags: [name], RepoDigests: null },
    )
  }

  // Only what runs, unless all are requested.
  #list(asked: URLSearchParams): object[] {
    const labels: string[] = JSON.parse(asked.get('filters') ?? '{}').label ?? []
    const isMeant = (container: FakeContainer) =>
      labels.every((label) => {
        const [key = '', value] = label.split('=')
        return container.labels[key] === value
      })
    return this.containers
      .filter(({ running }) => running || asked.get('all') === 'true')
      .filter(isMeant)
      .map(({ id, name, image }) => ({ Id: id, Names: [`/${name}`], Image: image ?? 'plain' }))
  }
}

// A tar archive with one file, as the engine gives it for the path of that file.
function archiveOf({ name, machine }: FakeContainer, path: string): Uint8Array {
  const content = machine?.fileAtRest(path)
  if (content === undefined) throw new Refusal(404, `Could not find the file ${path} in container ${name}`)
  const bytes = Buffer.from(content)
  const archive = Buffer.alloc(512 * (3 + Math.ceil(bytes.length / 512)))
  archive.write(path.slice(path.lastIndexOf('/') + 1), 0)
  archive.write(`${bytes.length.toString(8).padStart(11, '0')}\0`, 124)
  archive.write('0', 156)
  archive.set(bytes, 512)
  return archive
}

function inspected(container: FakeContainer): object {
  const { id, name, hostname, labels, running, paused, mounts, image } = container
  return {
    Id: id,
    Name: `/${name}`,
    Config: { Hostname: hostname, Labels: labels, Image: image },
    // A paused container still counts as running.
    State: { Running: running, Paused: paused },
    Mounts: mounts,
  }
}
