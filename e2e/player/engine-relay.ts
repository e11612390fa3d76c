import { rm } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A socket in front of the Docker engine's socket. While it is closed, the engine is down for its clients alone. */
export interface EngineRelay {
  open(): Promise<void>
  close(): Promise<void>
}

/**
 * Opens a relay and passes the environment with which a process uses it. The relay is removed afterwards. Throws when the
 * engine is not at a unix socket.
 */
export async function withRelay<T>(
  act: (relay: EngineRelay, environment: Record<string, string>) => Promise<T>,
): Promise<T> {
  const socket = join(tmpdir(), `capd-kubeadm-upgrader-${process.pid}.sock`)
  const relay = relayAt(socket)
  await relay.open()
  try {
    return await act(relay, { DOCKER_HOST: `unix://${socket}` })
  } finally {
    await relay.close()
    await rm(socket, { force: true })
  }
}

function relayAt(path: string): EngineRelay {
  const sockets = new Set<Socket>()
  let server: Server | undefined
  return {
    async open() {
      // The input of an exec ends before its output does, so each direction ends on its own.
      server = createServer({ allowHalfOpen: true }, (client) => {
        const engine = connect({ path: enginePath(), allowHalfOpen: true })
        for (const socket of [client, engine]) {
          sockets.add(socket)
          socket.on('error', () => socket.destroy())
          socket.on('close', () => sockets.delete(socket))
        }
        client.pipe(engine).pipe(client)
      })
      await new Promise<void>((resolve, reject) => server?.once('error', reject).listen(path, resolve))
    },
    async close() {
      if (!server?.listening) return
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server?.close(resolve))
      await rm(path, { force: true })
    },
  }
}

function enginePath(): string {
  const host = process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock'
  if (!host.startsWith('unix://')) throw new Error('The relay needs a Docker engine at a unix socket.')
  return host.slice('unix://'.length)
}
