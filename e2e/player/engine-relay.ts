import { rm } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'

// A socket in front of the Docker engine's that can be taken away, so that the engine is down for one process and
// for nobody else.
export async function relayEngine(path: string) {
  const open = new Set<Socket>()
  let server: Server | undefined
  const relay = {
    async open() {
      // An exec's input ends before its output does, so each direction ends by itself.
      server = createServer({ allowHalfOpen: true }, (client) => {
        const engine = connect({ path: enginePath(), allowHalfOpen: true })
        for (const socket of [client, engine]) {
          open.add(socket)
          socket.on('error', () => socket.destroy())
          socket.on('close', () => open.delete(socket))
        }
        client.pipe(engine).pipe(client)
      })
      await new Promise<void>((resolve, reject) => server?.once('error', reject).listen(path, resolve))
    },
    async close() {
      if (!server?.listening) return
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => server?.close(resolve))
      await rm(path, { force: true })
    },
  }
  await relay.open()
  return relay
}

function enginePath(): string {
  const host = process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock'
  if (!host.startsWith('unix://')) throw new Error('The relay needs an engine at a unix socket.')
  return host.slice('unix://'.length)
}
