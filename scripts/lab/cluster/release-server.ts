import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

/** What goes wrong with the download of one file. Bytes are counted from the start of the file. */
export type DownloadFault =
  | { kind: 'not-found' }
  | { kind: 'cut'; afterBytes: number }
  | { kind: 'stall'; afterBytes: number }
  | { kind: 'wrong-checksum' }

/** A running server of releases. */
export interface ReleaseServer {
  /** Stands for https://dl.k8s.io: it has `<url>/release/v1.35.4/bin/linux/amd64/kubeadm`. */
  url: string
  /** The paths of all requests, in their order. */
  requests: string[]
  /**
   * By file name, such as kubeadm or kubelet.sha256; a wrong checksum by the program's name. It may change at any time.
   */
  faults: Map<string, DownloadFault>
  /** Ends all connections and stops listening. */
  close: () => Promise<void>
}

/** Where a server of releases listens, and what it serves. */
export interface ReleaseServerOptions {
  /** The address to listen on. Machines reach the gateway of their network. */
  host: string
  /** A folder with `<version>/<program>` and `<version>/<program>.sha256`. */
  folder: string
  /** By default any free port. */
  port?: number
}

/** Serves a folder in the layout of dl.k8s.io. Rejects when the address cannot be listened on. */
export async function serveReleases({ host, folder, port = 0 }: ReleaseServerOptions): Promise<ReleaseServer> {
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
      // A stalled connection would keep the server open.
      server.closeAllConnections()
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
): Promise<void> {
  const [, version = '', program = '', checksum = ''] = layout.exec(request.url ?? '') ?? []
  const file = join(folder, version, `${program}${checksum}`)
  const fault = faults.get(`${program}${checksum}`)
  const size = program ? (await stat(file).catch(() => undefined))?.size : undefined
  if (!size || fault?.kind === 'not-found') {
    response.writeHead(404).end('not found\n')
  } else if (checksum && faults.get(program)?.kind === 'wrong-checksum') {
    response.end([...(await readFile(file, 'utf8'))].reverse().join(''))
  } else {
    sendFile(request, response, { path: file, size }, fault)
  }
}

function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  file: { path: string; size: number },
  fault: DownloadFault | undefined,
): void {
  const { path, size } = file
  const start = rangeStart(request.headers.range)
  if (start >= size) {
    response.writeHead(416, { 'content-range': `bytes */${size}` }).end()
    return
  }
  response.writeHead(start ? 206 : 200, {
    'accept-ranges': 'bytes',
    'content-length': size - start,
    ...(start && { 'content-range': `bytes ${start}-${size - 1}/${size}` }),
  })
  if (request.method === 'HEAD') response.end()
  else if (fault?.kind === 'cut' || fault?.kind === 'stall') sendPart(response, path, start, fault)
  else createReadStream(path, { start }).pipe(response)
}

// Sends the bytes up to the fault. Then the connection ends, or stays open and silent.
function sendPart(
  response: ServerResponse,
  path: string,
  start: number,
  { kind, afterBytes }: { kind: 'cut' | 'stall'; afterBytes: number },
): void {
  const part = createReadStream(path, { start, end: Math.max(start, afterBytes - 1) })
  part.pipe(response, { end: false })
  if (kind === 'cut') part.on('end', () => response.end(() => response.destroy()))
}

// A resumed download requests the bytes from an offset to the end, and no other range.
function rangeStart(range = ''): number {
  return Number(/^bytes=(\d+)-$/.exec(range)?.[1] ?? 0)
}
