import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, existsSync, readdirSync, statSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { canMount, mountAt } from './disturbed.ts'
import { createRoot } from './rooted.ts'

const version = 'v1.35.4'
const directory = '/var/lib/work/bin'
const arch = { x64: 'amd64', arm64: 'arm64' }[process.arch as string] ?? process.arch

// What each program prints for its version, as the real ones do.
const programs: Record<string, string> = {
  kubeadm: `[ "$*" = "version -o short" ] && echo ${version}`,
  kubelet: `[ "$*" = "--version" ] && echo "Kubernetes ${version}"`,
  kubectl: `[ "$*" = "version --client" ] && printf 'Client Version: ${version}\\nKustomize Version: v5.7.1\\n'`,
}

// Answers a request otherwise than with the file, if it returns true.
type Misbehaviour = (name: string, response: ServerResponse) => boolean | undefined

// A server in the layout of dl.k8s.io, and the script run against it.
async function fetchFrom(misbehave: Misbehaviour = () => false) {
  const root = createRoot()
  const asked: string[] = []
  const server = createServer(({ url = '' }, response) => {
    asked.push(url)
    const [, name = '', sum] = /^\/release\/[^/]+\/bin\/linux\/[^/]+\/(\w+)(\.sha256)?$/.exec(url) ?? []
    const file = `#!/bin/sh\n${programs[name]}\n`
    if (misbehave(name + (sum ?? ''), response)) return
    response.end(sum ? createHash('sha256').update(file).digest('hex') : file)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/release`
  const run = () => root.run('steps/binaries.sh', url, version, directory)
  return { root, run, asked, url }
}

describe.skipIf(process.platform !== 'linux')('binaries.sh', () => {
  test('fetches the three programs of the release for this machine, and leaves nothing else', async () => {
    const { root, run, asked } = await fetchFrom()
    expect(await run()).toMatchObject({ exitCode: 0 })
    expect(readdirSync(root.path(directory)).sort()).toEqual(['kubeadm', 'kubectl', 'kubelet'])
    expect(statSync(root.path(`${directory}/kubelet`)).mode & 0o777).toBe(0o755)
    expect(readdirSync(root.path('/var/lib/work'))).toEqual(['bin'])
    const files = ['kubeadm', 'kubelet', 'kubectl'].flatMap((name) => [`${name}.sha256`, name])
    expect(asked).toEqual(files.map((name) => `/release/${version}/bin/linux/${arch}/${name}`))
  })

  test.skipIf(!canMount)('reports a full disk where the download has one of its own', async () => {
    const { root, run } = await fetchFrom()
    mountAt(root.path(`${directory}.partial`), '4k')
    expect(await run()).toMatchObject({ exitCode: 48 })
    expect(root.has(directory)).toBe(false)
  })

  test.each([
    ['https://dl.k8s.io/release', '=https'],
    ['http://127.0.0.1/release', '=http,https'],
  ])('from %s is not led to another protocol than %s', async (url, protocols) => {
    const root = createRoot()
    root.program('/stand-ins/curl', 'exit 7')
    expect(await root.run('steps/binaries.sh', url, version, directory)).toMatchObject({ exitCode: 42 })
    expect(root.calls()).toEqual([expect.stringContaining(`--proto ${protocols} `)])
  })

  test('puts the directory in its place only when the last program is checked', async () => {
    const seen: boolean[] = []
    const { root, run } = await fetchFrom(() => {
      seen.push(existsSync(root.path(directory)))
      return false
    })
    await run()
    expect(seen).toEqual(Array(6).fill(false))
    expect(root.has(directory)).toBe(true)
  })

  test('begins again after a run that was broken off', async () => {
    const { root, run } = await fetchFrom()
    root.write(`${directory}.partial/kubeadm`, 'half')
    root.write(`${directory}.partial/leftover`, '')
    expect(await run()).toMatchObject({ exitCode: 0 })
    expect(readdirSync(root.path(directory)).sort()).toEqual(['kubeadm', 'kubectl', 'kubelet'])
  })

  test('follows a redirect, as dl.k8s.io answers with', async () => {
    const redirected = new Set<string>()
    const { run } = await fetchFrom((name, response) => {
      if (redirected.has(name)) return false
      redirected.add(name)
      response.writeHead(302, { Location: name }).end()
      return true
    })
    expect(await run()).toMatchObject({ exitCode: 0 })
  })

  // The first file that goes wrong, how, and how the script ends.
  const faults: [string, string, number, Misbehaviour][] = [
    ['kubeadm.sha256', 'is not there', 41, (_, response) => !!response.writeHead(404).end()],
    ['kubelet', 'is not there', 41, (_, response) => !!response.writeHead(404).end()],
    ['kubelet', 'is not there any more', 41, (_, response) => !!response.writeHead(410).end()],
    ['kubelet', 'is nobody’s', 41, (_, response) => !!response.writeHead(403).end()],
    ['kubectl', 'is a server error', 42, (_, response) => !!response.writeHead(503).end()],
    ['kubelet', 'is cut off', 42, cutOff],
    ['kubeadm', 'is not answered', 42, (_, response) => !!response.socket?.destroy()],
    ['kubelet', 'is another file than its checksum', 44, (_, response) => !!response.end('another')],
    ['kubectl.sha256', 'is a page about something', 44, (_, response) => !!response.end('<html></html>')],
    ['kubectl.sha256', 'is empty', 44, (_, response) => !!response.end()],
  ]

  test.each(faults)('%s that %s is exit code %i', async (fileName, _how, exitCode, misbehave) => {
    const { root, run } = await fetchFrom((name, response) => name === fileName && misbehave(name, response))
    const { exitCode: ended, stdout } = await run()
    expect(ended).toBe(exitCode)
    expect(stdout.split('\n').at(-1)).toBe(`failed: ${exitCode === 44 ? fileName.replace('.sha256', '') : fileName}`)
    expect(root.has(directory)).toBe(false)
    expect(root.has(`${directory}.partial`)).toBe(false)
  })

  test.each([
    ['is another version', 'echo "Kubernetes v1.35.3"'],
    ['has more to say than its version', 'echo "Kubernetes v1.35.4-dirty"'],
    ['does not run', 'exit 1'],
  ])('a program that %s is exit code 45', async (_how, script) => {
    const kubelet = `#!/bin/sh\n${script}\n`
    const { root, run } = await fetchFrom((name, response) => {
      if (name === 'kubelet') response.end(kubelet)
      if (name === 'kubelet.sha256') response.end(createHash('sha256').update(kubelet).digest('hex'))
      return name.startsWith('kubelet')
    })
    const { exitCode, stdout } = await run()
    expect([exitCode, stdout.split('\n').at(-1)]).toEqual([45, 'failed: kubelet'])
    expect(root.has(directory)).toBe(false)
  })

  // A kubelet that reads its flags before it prints its version, as the real one does, and does not know one of them.
  const strict = `for flag in "$@"; do case $flag in --gone=*) echo 'E1 "command failed" err="failed to parse kubelet flag: unknown flag: --gone"' >&2; exit 1 ;; esac; done
[ "$1" = "--version" ] && echo "Kubernetes ${version}"`

  async function fetchBeside(flags: string[], kubeadmFlags = '', ...removed: string[]) {
    const { root, url } = await fetchFrom((name, response) => {
      const kubelet = `#!/bin/sh\n${strict}\n`
      if (name === 'kubelet') response.end(kubelet)
      if (name === 'kubelet.sha256') response.end(createHash('sha256').update(kubelet).digest('hex'))
      return name.startsWith('kubelet')
    })
    root.program('/stand-ins/systemctl', 'echo 700')
    root.write('/proc/700/comm', 'kubelet\n')
    root.write('/proc/700/cmdline', ['/usr/bin/kubelet', ...flags, ''].join('\0'))
    root.write('/var/lib/kubelet/kubeadm-flags.env', `KUBELET_KUBEADM_ARGS="${kubeadmFlags}"\n`)
    const ended = await root.run('steps/binaries.sh', url, version, directory, ...removed)
    return { ...ended, isThere: root.has(directory) }
  }

  test('a flag of the running kubelet that the new one does not know is exit code 49, wherever it stands', async () => {
    const { exitCode, stdout, isThere } = await fetchBeside(['--a=b c', '--gone=x'], '--a=b')
    expect([exitCode, stdout.split('\n').at(-1), isThere]).toEqual([49, 'refused: unknown flag: --gone', false])
  })

  test("one that is taken out of kubeadm's file before the new one starts is none of them", async () => {
    expect(await fetchBeside(['--gone=x', '--a=b'], '--a=b --gone=x', 'gone')).toMatchObject({
      exitCode: 0,
      isThere: true,
    })
    expect(await fetchBeside(['--gone=x', '--a=b'], '--a=b', 'gone')).toMatchObject({ exitCode: 49, isThere: false })
  })

  test('flags that the new kubelet knows, and a kubelet that does not run, are no hindrance', async () => {
    expect(await fetchBeside(['--a=b', '--c'])).toMatchObject({ exitCode: 0, isThere: true })
    const { root, run } = await fetchFrom()
    root.program('/stand-ins/systemctl', 'echo 0')
    expect(await run()).toMatchObject({ exitCode: 0 })
  })

  test('leaves alone what an earlier run has renamed into place', async () => {
    const { root, run, asked } = await fetchFrom()
    root.write(`${directory}/kubeadm`, 'there')
    expect(await run()).toMatchObject({ exitCode: 0 })
    expect([readdirSync(root.path(directory)), asked]).toEqual([['kubeadm'], []])
  })

  // What a container of the node image has copied, but for one program that is another.
  function copied(program?: string, script = '') {
    const root = createRoot()
    for (const name of Object.keys(programs)) {
      root.write(`${directory}.copied/${name}`, `#!/bin/sh\n${name === program ? script : programs[name]}\n`)
      chmodSync(root.path(`${directory}.copied/${name}`), 0o755)
    }
    return { root, run: () => root.run('steps/binaries.sh', `${directory}.copied`, version, directory) }
  }

  test('programs that were copied are checked and renamed into place, and nothing is fetched', async () => {
    const { root, run } = copied()
    root.program('/stand-ins/curl', 'exit 7')
    expect(await run()).toMatchObject({ exitCode: 0 })
    expect(readdirSync(root.path('/var/lib/work'))).toEqual(['bin'])
    expect(readdirSync(root.path(directory)).sort()).toEqual(['kubeadm', 'kubectl', 'kubelet'])
    expect(root.calls()).toEqual([])
  })

  test.each([
    ['kubelet', 'is another version', 'echo "Kubernetes v1.35.3"'],
    ['kubectl', 'does not run', 'exit 1'],
  ])('a copied %s that %s is exit code 45, and is to be copied again', async (program, _how, script) => {
    const { root, run } = copied(program, script)
    const { exitCode, stdout } = await run()
    expect([exitCode, stdout]).toEqual([45, `failed: ${program}`])
    expect(readdirSync(root.path('/var/lib/work'))).toEqual([])
  })

  test('prints no password of the URL', async () => {
    const { root, url } = await fetchFrom()
    const withPassword = url.replace('//', '//mirror:the-password@')
    const { exitCode, stdout } = await root.run('steps/binaries.sh', withPassword, version, directory)
    expect(exitCode).toBe(0)
    expect(stdout.split('\n')[0]).toBe(`fetching ${url}/${version}/bin/linux/${arch}/kubeadm`)
    expect(stdout).not.toContain('the-password')
  })

  test('a disk that is full is exit code 48', async () => {
    const { root, run } = await fetchFrom()
    root.program('/stand-ins/curl', 'echo "curl: (23) Failed writing body" >&2; exit 23')
    expect(await run()).toMatchObject({ exitCode: 48 })
    expect(root.has(`${directory}.partial`)).toBe(false)
  })

  test('a server that is not there is exit code 42', async () => {
    const root = createRoot()
    const { exitCode } = await root.run('steps/binaries.sh', 'http://127.0.0.1:1/release', version, directory)
    expect(exitCode).toBe(42)
    expect(root.has(directory)).toBe(false)
  })
})

function cutOff(_name: string, response: ServerResponse): boolean {
  response.writeHead(200, { 'Content-Length': 1000 })
  response.write('half', () => response.socket?.destroy())
  return true
}
