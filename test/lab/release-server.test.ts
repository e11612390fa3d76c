import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { type ReleaseServer, serveReleases } from '../../scripts/lab/cluster/release-server.ts'

const program = 'the bytes of kubeadm'
const path = '/release/v1.35.4/bin/linux/amd64/kubeadm'
let server: ReleaseServer

beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'capd-kubeadm-upgrader-test-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await mkdir(join(folder, 'v1.35.4'))
  await writeFile(join(folder, 'v1.35.4/kubeadm'), program)
  await writeFile(join(folder, 'v1.35.4/kubeadm.sha256'), 'abc123')
  await writeFile(join(folder, 'secret'), 'not to be served')
  server = await serveReleases({ host: '127.0.0.1', folder })
  onTestFinished(() => server.close())
})

function get(name: string, init: RequestInit = {}): Promise<Response> {
  return fetch(server.url + name, init)
}

function range(header: string): RequestInit {
  return { headers: { range: header } }
}

describe('the layout of dl.k8s.io', () => {
  test.each(['amd64', 'arm64'])('has programs and checksums for %s', async (arch) => {
    const file = path.replace('amd64', arch)
    expect(await (await get(file)).text()).toBe(program)
    expect(await (await get(`${file}.sha256`)).text()).toBe('abc123')
    expect(server.requests).toEqual([file, `${file}.sha256`])
  })

  test.each([
    ['a program that is missing', path.replace('kubeadm', 'kubectl')],
    ['a version that is missing', path.replace('v1.35.4', 'v1.36.0')],
    ['another system', path.replace('linux', 'windows')],
    ['a path out of the folder', '/release/v1.35.4/bin/linux/amd64/..%2f..%2fsecret'],
    ['a version that is a path', '/release/v1.35.4%2f../bin/linux/amd64/secret'],
    ['nothing', '/'],
  ])('%s is 404', async (_, name) => {
    expect((await get(name)).status).toBe(404)
  })

  test('HEAD gives the size and no bytes', async () => {
    const response = await get(path, { method: 'HEAD' })
    expect(response.headers.get('content-length')).toBe(`${program.length}`)
    expect(await response.text()).toBe('')
  })
})

describe('a resumed download', () => {
  test('gets the bytes from its offset', async () => {
    const response = await get(path, range('bytes=4-'))
    expect(response.status).toBe(206)
    expect(response.headers.get('content-range')).toBe(`bytes 4-${program.length - 1}/${program.length}`)
    expect(await response.text()).toBe(program.slice(4))
  })

  test('beyond the end is 416', async () => {
    const response = await get(path, range(`bytes=${program.length}-`))
    expect(response.status).toBe(416)
    expect(response.headers.get('content-range')).toBe(`bytes */${program.length}`)
  })

  test('in another form gets the whole file', async () => {
    const response = await get(path, range('bytes=0-3'))
    expect({ status: response.status, text: await response.text() }).toEqual({ status: 200, text: program })
  })
})

describe('a fault', () => {
  test('not-found is 404, for its file alone', async () => {
    server.faults.set('kubeadm', { kind: 'not-found' })
    expect((await get(path)).status).toBe(404)
    expect((await get(`${path}.sha256`)).status).toBe(200)
    server.faults.delete('kubeadm')
    expect((await get(path)).status).toBe(200)
  })

  test('wrong-checksum changes the checksum of the program, not its bytes', async () => {
    server.faults.set('kubeadm', { kind: 'wrong-checksum' })
    expect(await (await get(`${path}.sha256`)).text()).toBe('321cba')
    expect(await (await get(path)).text()).toBe(program)
  })

  test('cut ends the connection after its bytes, counted from the start of the file', async () => {
    server.faults.set('kubeadm', { kind: 'cut', afterBytes: 6 })
    expect(await readable(await get(path))).toEqual({ text: program.slice(0, 6), isWhole: false })
    expect(await readable(await get(path, range('bytes=4-')))).toEqual({ text: program.slice(4, 6), isWhole: false })
  })

  test('stall sends its bytes and keeps the connection open, until the server closes', async () => {
    server.faults.set('kubeadm', { kind: 'stall', afterBytes: 6 })
    const response = await get(path)
    const reader = response.body?.getReader()
    const first = await reader?.read()
    expect(Buffer.from(first?.value ?? []).toString()).toBe(program.slice(0, 6))
    const next = reader?.read().then(
      () => 'more',
      () => 'closed',
    )
    await server.close()
    expect(await next).toBe('closed')
  })
})

test('an address that is in use is an error', async () => {
  const port = Number(new URL(server.url).port)
  await expect(serveReleases({ host: '127.0.0.1', folder: tmpdir(), port })).rejects.toThrow('EADDRINUSE')
})

async function readable(response: Response): Promise<{ text: string; isWhole: boolean }> {
  let text = ''
  try {
    for await (const chunk of response.body ?? []) text += Buffer.from(chunk).toString()
    return { text, isWhole: true }
  } catch {
    return { text, isWhole: false }
  }
}
