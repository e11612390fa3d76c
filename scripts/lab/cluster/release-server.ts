import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

// What goes wrong with one file. Bytes are counted from the file's start.
export type Fault =
  | { kind: 'not-found' }
  | { kind: 'cut'; afterBytes: number }
  | { kind: 'stall'; afterBytes: number }
  | { kind: 'wrong-checksum' }

export interface ReleaseServer {
  // Stands for https://dl.k8s.io: there is `<url>/release/v1.35.4/bin/linux/amd64/kubeadm`.
  url: string
  // Paths in the order in which they were asked for.
  requests: string[]
  // By file name, such as kubeadm or kubelet.sha256; a wrong checksum by the program's name. Can change at any time.
  faults: Map<string, Fault>
  close: () => Promise<void>
}

interface Options {
  // Address to listen on: the gateway of the machines' network is one that they reach.
  host: string
  // Has `<version>/<program>` and `<version>/<program>.sha256`.
  folder: string
  port?: number
}

// Serves a folder in the layout of dl.k8s.io.
export async function serveReleases({ host, folder, port = 0 }: Options): Promise<ReleaseServer> {
  const requests: string[] = []
  const faults: ReleaseServer['faults'] = new Map()
  const server = createServer((request, response) => {
    requests.push(request.url ?? '')
    answer(request, response, folder, faults).catch(() => response.destroy())
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, host, resolve)
  })
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections() // one that stalls would keep it open
    })
  const url = `http://${host}:${(server.address() as AddressInfo).port}`
  return { url, requests, faults, close }
}

const layout = /^\/release\/(v[\w.-]+)\/bin\/linux\/(?:amd64|arm64)\/([a-z-]+)(\.sha256)?$/

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  folder: string,
  faults: ReleaseServer['faults'],
) {
  const [, version = '', program = '', checksum = ''] = layout.exec(request.url ?? '') ?? []
  const file = join(folder, version, `${program}${checksum}`)
  const fault = faults.get(`${program}${checksum}`)
  const size = program && (await stat(file).catch(() => undefined))?.size
  if (!size || fault?.kind === 'not-found') return response.writeHead(404).end('not found\n')
  if (checksum && faults.get(program)?.kind === 'wrong-checksum')
    return response.end([...(await readFile(file, 'utf8'))].reverse().join(''))

  const start = rangeStart(request.headers.range)
  if (start >= size) return response.writeHead(416, { 'content-range': `bytes */${size}` }).end()
  response.writeHead(start ? 206 : 200, {
    'accept-ranges': 'bytes',
    'content-length': size - start,
    ...(start && { 'content-range': `bytes ${start}-${size - 1}/${size}` }),
  })
  if (request.method === 'HEAD') return response.end()
  const isCut = fault?.kind === 'cut'
  if (!isCut && fault?.kind !== 'stall') return createReadStream(file, { start }).pipe(response)

  const part = createReadStream(file, { start, end: Math.max(start, fault.afterBytes - 1) })
  part.pipe(response, { end: false })
  if (isCut) part.on('end', () => response.end(() => response.destroy()))
}

// From somewhere to the end is the only form that a resumed download asks for.
function rangeStart(range = '') {
  return Number(/^bytes=(\d+)-$/.exec(range)?.[1] ?? 0)
}
