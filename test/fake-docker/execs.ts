import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import { type FakeContainer, newId } from './container.ts'
import { Refusal, type Reply } from './reply.ts'

interface Exec {
  container: FakeContainer
  cmd: string[]
  attachStdin: boolean
  privileged: boolean
  running: boolean
  exitCode: number | null
}

// The body of POST /containers/<name>/exec, as far as it is used.
export interface Asked {
  Cmd: string[]
  AttachStdin: boolean
  Privileged: boolean
}

const nothing = new Uint8Array()

// The execs of the fake engine, and what they say over their hijacked connections.
export class Execs {
  readonly all = new Map<string, Exec>()
  readonly #find: (name: string) => FakeContainer

  constructor(find: (name: string) => FakeContainer) {
    this.#find = find
  }

  create(name: string, { Cmd, AttachStdin, Privileged }: Asked): string {
    const container = this.#find(name)
    if (container.paused) throw new Refusal(409, `Container ${name} is paused, unpause the container before exec`)
    if (!container.running) throw new Refusal(409, `container ${container.id} is not running`)
    const id = newId()
    const exec = { container, cmd: Cmd, attachStdin: AttachStdin, privileged: Privileged }
    this.all.set(id, { ...exec, running: false, exitCode: null })
    return id
  }

  inspect(id: string): object {
    const exec = this.all.get(id)
    if (!exec) throw new Refusal(404, `No such exec instance: ${id}`)
    return { ID: id, Running: exec.running, ExitCode: exec.exitCode }
  }

  // An engine that has restarted knows none of its execs.
  forget(): void {
    this.all.clear()
  }

  refusal(id: string | undefined): Reply | undefined {
    return this.all.has(id ?? '') ? undefined : new Refusal(404, `No such exec instance: ${id}`).reply
  }

  async start(id: string, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const exec = this.all.get(id) as Exec
    // The body shows nothing of interest. Node 26 reads it as the request's own; before, it was the socket's head.
    request.resume()
    if (head.length > 0) socket.unshift(head.subarray(Number(request.headers['content-length'])))
    socket.on('error', () => {})
    socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n')
    exec.running = true
    const input = exec.attachStdin ? await inputOf(socket) : ''
    const { container, cmd } = exec
    const { chunks, exitCode, end } = container.play(cmd, input)
    for await (const chunk of chunks) {
      if (socket.destroyed) break
      await new Promise((resolve) => socket.write(chunk, resolve))
    }
    if (end === 'never') return untilClosed(socket)
    if (end === 'cut') socket.destroy()
    else socket.end()
    exec.running = false
    exec.exitCode = exitCode
  }
}

// A client that has closed its half gives no other sign of its end than that a write fails, even one of nothing. Without
// it, the connection of a client that is gone would be counted for as long as its command goes on.
async function untilClosed(socket: Duplex): Promise<void> {
  while (!socket.destroyed) {
    socket.write(nothing)
    await wait(100)
  }
}

// All that the client sends until it closes its half. An async iterator would close the other half, too.
function inputOf(socket: Duplex): Promise<string> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  return new Promise((resolve) => {
    for (const end of ['end', 'close']) socket.once(end, () => resolve(Buffer.concat(chunks).toString()))
  })
}
