import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import type { TLSSocket } from 'node:tls'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { callService } from '../../e2e/player/call.ts'
import { post } from '../../e2e/player/cluster-api.ts'
import type { Pair } from '../../src/certificate.ts'
import { asked } from '../contract/captured.ts'
import { head, listen, selfSigned } from './listen.ts'
import { paths } from './serve.ts'

const mebibyte = 1024 * 1024
let tls: Pair

beforeAll(async () => {
  tls = await selfSigned()
})

// All that the service sends before it closes the connection.
async function received(socket: TLSSocket): Promise<string> {
  let all = ''
  socket.on('data', (chunk) => {
    all += chunk
  })
  await once(socket, 'close')
  return all
}

describe('bodies', () => {
  test('that never end are held up to a limit; the largest give way, and small requests pass', async () => {
    const { open, address } = await listen(tls)
    const refused: string[] = []
    for (let i = 0; i < 6; i++) {
      const socket = await open()
      socket.on('data', (chunk) => refused.push(String(chunk)))
      socket.write(head(paths.canUpdateMachine, 10 * mebibyte))
      socket.write(Buffer.alloc(9 * mebibyte, ' '))
    }
    // Three of them fit into the 32 MiB.
    await vi.waitFor(() => expect(refused).toHaveLength(3), { timeout: 30_000 })
    for (const answer of refused) {
      expect(answer).toMatch(/^HTTP\/1\.1 503 /)
      expect(answer).toMatch(/^retry-after: 5\r$/im)
      expect(answer).toContain('"code":"REQUESTS_TOO_MANY"')
    }
    expect(await post(address, paths.canUpdateMachine, asked.machine())).toHaveProperty('machinePatch')
  })

  test('of large requests, one after the other, are all answered', async () => {
    const { address } = await listen(tls)
    const padding = 'x'.repeat(9 * mebibyte)
    for (let i = 0; i < 6; i++) {
      const answer = await post(address, paths.canUpdateMachine, { ...asked.machine(), padding })
      expect(answer).toHaveProperty('machinePatch')
    }
  })

  test('of large requests, all at once, are answered or refused, and the service goes on', async () => {
    const { address } = await listen(tls)
    const body = JSON.stringify({ ...asked.machine(), padding: 'x'.repeat(9 * mebibyte) })
    const calls = Array.from({ length: 8 }, () => callService(address, 'POST', paths.canUpdateMachine, body))
    const statuses = (await Promise.allSettled(calls)).map((call) =>
      call.status === 'fulfilled' ? call.value.status : 0,
    )
    expect(statuses).toContain(200)
    // 0 where the connection was closed while the caller was still sending.
    for (const status of statuses) expect([200, 503, 0]).toContain(status)
    expect(await post(address, paths.canUpdateMachine, asked.machine())).toHaveProperty('machinePatch')
  })

  test('that are announced as too large are refused before a byte of them is there', async () => {
    const { open } = await listen(tls)
    const socket = await open()
    socket.write(head(paths.updateMachine, 11 * mebibyte))
    expect(await received(socket)).toContain('(REQUEST_TOO_LARGE)')
  })

  test('that come in small pieces are put together', async () => {
    const { open } = await listen(tls)
    const socket = await open()
    const body = JSON.stringify({ ...asked.machine(), padding: '€'.repeat(20_000) })
    socket.setNoDelay(true)
    socket.write(head(paths.canUpdateMachine, Buffer.byteLength(body)).replace('Host', 'Connection: close\r\nHost'))
    for (const piece of Buffer.from(body)
      .toString('latin1')
      .match(/.{1,1000}/gs) ?? [])
      socket.write(piece, 'latin1')
    expect(await received(socket)).toContain('machinePatch')
  })
})

describe('a caller that hangs up', () => {
  test.each([
    ['in its body', `${head(paths.canUpdateMachine, 1000)}{`],
    ['before its body', head(paths.canUpdateMachine, 1000)],
    [
      'in a body of start',
      head('/v1/start', 1000).replace('Host', 'Authorization: Bearer the-token-of-the-test\r\nHost'),
    ],
  ])('%s is no error of the service and no Failure of a hook', async (_, bytes) => {
    const { open, log, app } = await listen(tls)
    const socket = await open()
    socket.write(bytes)
    const [request] = await once(app.server, 'request')
    // The body is being waited for.
    await vi.waitFor(() => expect(request.listenerCount('data')).toBeGreaterThan(0))
    socket.destroy()
    await vi.waitFor(() => expect(log()).toContain('the caller closed the connection'))
    expect(log()).not.toContain('UNEXPECTED')
    expect(log()).not.toContain('"level":40')
    expect((await app.inject('/metrics')).body).not.toContain('status="Failure"')
  })
})

describe('a connection is closed when', () => {
  // So short that a test can wait for them; 200 connections are more than it opens.
  const brief = {
    connections: 200,
    headersTimeout: 100,
    requestTimeout: 200,
    connectionsCheckingInterval: 50,
    handshakeTimeout: 10_000,
    keepAliveTimeout: 10_000,
  }

  test.each([
    ['its headers do not end', 'POST / HTTP/1.1\r\nHost: localhost\r\nX-A: '],
    ['its body does not end', `${head(paths.updateMachine, 1000)}{`],
    ['its chunks do not end', head(paths.updateMachine, 5).replace('Content-Length: 5', 'Transfer-Encoding: chunked')],
    ['nothing comes', ''],
  ])('%s', async (_, bytes) => {
    const { open, address } = await listen(tls, { limits: brief })
    const socket = await open()
    socket.write(bytes)
    const answer = await received(socket)
    if (bytes !== '') expect(answer).toMatch(/^HTTP\/1\.1 408 /)
    expect((await callService(address, 'GET', '/healthz')).status).toBe(200)
  })

  test('there are more than the limit; those before it go on', async () => {
    const { open } = await listen(tls, {
      limits: { ...brief, connections: 2, headersTimeout: 10_000, requestTimeout: 10_000 },
    })
    const first = await open()
    await open()
    await expect(open()).rejects.toThrow()
    first.end('GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
    expect(await text(first)).toMatch(/^HTTP\/1\.1 200 /)
  })
})
