import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { generate } from 'selfsigned'
import { expect, onTestFinished, test } from 'vitest'
import { callOver, callService, connectionsTo } from '../../../e2e/player/call.ts'

// A server that responds with the headers of the request, except at /silent. Counts its connections.
async function listen() {
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
  })
  let connections = 0
  const server = createServer({ cert, key }, (request, response) => {
    if (request.url !== '/silent') response.end(JSON.stringify(request.headers))
  })
  server.on('secureConnection', () => {
    connections++
  })
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { url: `https://localhost:${port}`, ca: cert, connections: () => connections }
}

test('a call has no Content-Type, and a connection of its own', async () => {
  const server = await listen()
  const { status, body } = await callService(server, 'POST', '/', '{}')
  expect(status).toBe(200)
  const headers = JSON.parse(body)
  expect(headers).toMatchObject({ 'accept-encoding': 'identity', 'content-length': '2' })
  expect(headers).not.toHaveProperty('content-type')
  await callService(server, 'GET', '/')
  expect(server.connections()).toBe(2)
})

test.each([
  { count: 0, opened: 3 },
  { count: 1, opened: 1 },
])('an agent for $count connections that stay open opens $opened for three calls', async ({ count, opened }) => {
  const server = await listen()
  const agent = connectionsTo(server, count)
  for (let i = 0; i < 3; i++) await callOver(agent, server.url, { method: 'GET', path: '/' })
  await agent.destroy()
  expect(server.connections()).toBe(opened)
})

test('a request without a response ends at the limit', async () => {
  const server = await listen()
  const agent = connectionsTo(server, 1)
  const call = callOver(agent, server.url, { method: 'GET', path: '/silent', limitSeconds: 0.05 })
  await expect(call).rejects.toThrow('no response from /silent within 0.05 s')
  await agent.destroy()
})
