import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

/** What goes wrong with one file, until it is taken out of `faults`. Bytes are counted from the file's start. */
export type Fault =
  | { kind: 'not-found' }
  | { kind: 'cut'; afterBytes: number }
  | { kind: 'stall'; afterBytes: number }
  | { kind: 'wrong-checksum' }

export interface ReleaseServer {
  /** To be used as https://dl.k8s.io is: `<url>/release/v1.35.4/bin/linux/amd64/kubeadm`. */
  url: string
  /** Paths in the order in which they were asked for. */
  requests: string[]
  /** By file name, `kubeadm` or `kubelet.sha256`; for a wrong checksum the name of the program itself. */
  faults: Map<string, Fault>
  close: () => Promise<void>
}

/** Serves a folder `<version>/<program>` in the layout of dl.k8s.io, at an address that the machines reach. */
export async function serveReleases(options: { host: string; folder: string; port?: number }): Promise<ReleaseServer> {
  const requests: string[] = []
  const faults = new Map<string, Fault>()
  const server = createServer((request, response) => {
    requests.push(request.url ?? '')
    answer(request, response, options.folder, faults).catch(() => response.destroy())
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port ?? 0, options.host, resolve)
  })
  const { port } = server.address() as AddressInfo
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections() // a stalled download would keep it open
    })
  return { url: `http://${options.host}:${port}`, requests, faults, close }
}

const layout = /^\/release\/(v[\w.-]+)\/bin\/linux\/(?:amd64|arm64)\/([a-z-]+)(\.sha256)?$/

async function answer(request: IncomingMessage, response: ServerResponse, folder: string, faults: Map<string, Fault>) {
  const [, version, program, checksum = ''] = layout.exec(request.url ?? '') ?? []
  const name = `${program}${checksum}`
  const file = join(folder, `${version}`, name)
  const size = program && (await stat(file).catch(() => undefined))?.size
  const fault = faults.get(name)
  if (!size || fault?.kind === 'not-found') return response.writeHead(404).end('not found\n')
  if (checksum && faults.get(`${program}`)?.kind === 'wrong-checksum')
    return response.end([...(await readFile(file, 'utf8'))].reverse().join(''))

  const start = rangeStart(request.headers.range)
  if (start >= size) return response.writeHead(416, { 'content-range': `bytes */${size}` }).end()
  response.writeHead(start ? 206 : 200, {
    'accept-ranges': 'bytes',
    'content-length': size - start,
    ...(start && { 'content-range': `bytes ${start}-${size - 1}/${size}` }),
  })
  if (request.method === 'HEAD') return response.end()
  if (fault?.kind !== 'cut' && fault?.kind !== 'stall') return createReadStream(file, { start }).pipe(response)

  const part = createReadStream(file, { start, end: Math.max(start, fault.afterBytes - 1) })
  part.pipe(response, { end: false })
  if (fault.kind === 'cut') part.on('end', () => response.end(() => response.destroy()))
}

/** The only form that a resumed download asks for: from here to the end. */
function rangeStart(range = '') {
  return Number(/^bytes=(\d+)-$/.exec(range)?.[1] ?? 0)
}
