import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { script } from '../../../e2e/recovery/hold.ts'
import { signOf } from '../../../e2e/recovery/moments.ts'

// systemctl and pgrep answer from files that hold the ids of processes.
const systemctl = 'case $2 in kubelet) cat "$ROOT/kubelet.pid"; : >"$ROOT/seen" ;; *) cat "$ROOT/main.pid" ;; esac\n'
const pgrep = 'case $1 in -P) cat "$ROOT/children.pid" ;; *) cat "$ROOT/$2.pid" ;; esac 2>/dev/null\n'
const staged = 'etc/kubernetes/tmp/capd-kubeadm-upgrader'

interface Running {
  pid: number
  end(): void
  ended: Promise<void>
}

let root: string
let children: Running[]

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'hold-'))
  children = []
  for (const path of ['bin', 'usr/bin', 'usr/local/bin', 'manifests', staged, 'var/lib/capd-kubeadm-upgrader/work']) {
    mkdirSync(join(root, path), { recursive: true })
  }
  writeFileSync(join(root, 'bin/systemctl'), `#!/bin/sh\n${systemctl}`, { mode: 0o755 })
  writeFileSync(join(root, 'bin/pgrep'), `#!/bin/sh\n${pgrep}`, { mode: 0o755 })
  write('main.pid', '0')
  write('kubelet.pid', '0')
})

afterEach(async () => {
  rmSync(join(root, 'flag'), { force: true })
  for (const { end } of children) end()
  await Promise.all(children.map(({ ended }) => ended))
  rmSync(root, { recursive: true })
})

function write(name: string, text: string): void {
  writeFileSync(join(root, name), text)
}

function start(command: string, ...args: string[]): Running {
  const child = execa(command, args, { reject: false, cwd: root, stdio: 'ignore' })
  const { pid } = child
  if (pid === undefined) throw new Error(`${command} does not start`)
  const running = { pid, end: () => child.kill('SIGKILL'), ended: child.then(() => {}) }
  children.push(running)
  return running
}

// A process that stands for one of a static pod or of the kubelet.
function running(name: string): Running {
  const child = start('sleep', '600')
  write(`${name}.pid`, String(child.pid))
  return child
}

// Waits for the moment of the exchange. Gives what was printed by now.
async function holding(moment: string): Promise<() => string> {
  const sign = signOf('exchange', moment)
  if (!sign) throw new Error(`there is no moment ${moment}`)
  const child = execa('sh', ['-c', script, 'hold', 'exchange', sign.kind, sign.what, join(root, 'flag'), root], {
    reject: false,
    buffer: false,
    env: { ROOT: root, PATH: `${root}/bin:${process.env.PATH}` },
  })
  children.push({ pid: child.pid ?? 0, end: () => child.kill('SIGKILL'), ended: child.then(() => {}) })
  let printed = ''
  child.stdout?.on('data', (data) => {
    printed += String(data)
  })
  await vi.waitFor(() => expect(printed).toBe('armed\n'), 10_000)
  return () => printed
}

// The kubelet is looked for when the unit is there.
async function seen(): Promise<void> {
  await vi.waitFor(() => expect(existsSync(join(root, 'seen'))).toBe(true), 10_000)
}

async function stateOf(pid: number): Promise<string> {
  const { stdout } = await execa('ps', ['-o', 'stat=', '-p', String(pid)], { reject: false })
  return stdout.trim().slice(0, 1)
}

describe('a unit is held', () => {
  test('when the API server has ended, and etcd has not', async () => {
    const [kubelet, server] = [running('kubelet'), running('kube-apiserver')]
    running('etcd')
    const printed = await holding('api-server-ended')
    const [child, unit] = [running('children'), running('main')]
    await seen()
    kubelet.end()
    await kubelet.ended
    expect(printed()).toBe('armed\n')
    server.end()
    await vi.waitFor(() => expect(printed()).toContain('held'), 10_000)
    expect(printed()).toBe(`armed\nheld ${unit.pid},${child.pid} running: etcd, to be renamed: nothing\n`)
    expect(await stateOf(unit.pid)).toBe('T')
    expect(await stateOf(child.pid)).toBe('T')
    // It is awaited no more.
    expect(existsSync(join(root, 'flag'))).toBe(false)
  })

  test('between two renames, and goes on afterwards', async () => {
    const names = ['etcd', 'kube-apiserver', 'kube-scheduler']
    for (const name of names) write(`${staged}/${name}.yaml`, '')
    write('usr/bin/.kubelet.new', '')
    const printed = await holding('api-server-renamed')
    // As the script of the exchange does it.
    const unit = start(
      'sh',
      '-c',
      `PATH=$PWD/usr/local/bin:$PATH; until [ -e go ]; do sleep 0.02; done
       for name in ${names.join(' ')}; do mv "$PWD/${staged}/$name.yaml" "$PWD/manifests/$name.yaml"; done
       mv "$PWD/usr/bin/.kubelet.new" "$PWD/usr/bin/kubelet"`,
    )
    write('main.pid', String(unit.pid))
    await seen()
    write('go', '')
    await vi.waitFor(() => expect(printed()).toContain('held'), 10_000)
    expect(printed()).toContain('to be renamed: kube-scheduler.yaml kubelet\n')
    expect(await stateOf(unit.pid)).toBe('T')
    expect(existsSync(join(root, 'usr/local/bin/mv'))).toBe(false)
    process.kill(unit.pid, 'SIGCONT')
    await unit.ended
    expect(existsSync(join(root, 'usr/bin/kubelet'))).toBe(true)
  })

  test('when another kubelet runs', async () => {
    const old = running('kubelet')
    const printed = await holding('kubelet-started')
    const unit = running('main')
    await seen()
    old.end()
    await old.ended
    expect(printed()).toBe('armed\n')
    running('kubelet')
    await vi.waitFor(() => expect(printed()).toContain('held'), 10_000)
    expect(printed()).toContain(`held ${unit.pid} running: kubelet,`)
  })

  test('at the second run, where the first ended before the moment', async () => {
    const printed = await holding('drained')
    const first = running('main')
    await seen()
    first.end()
    await first.ended
    const second = running('main')
    write('var/lib/capd-kubeadm-upgrader/drained', '')
    await vi.waitFor(() => expect(printed()).toContain('held'), 10_000)
    expect(printed()).toContain(`held ${second.pid} running: none, to be renamed: nothing, drained`)
  })
})

test('a rename before the start of the unit is no moment, and the wait ends with its flag', async () => {
  const printed = await holding('etcd-renamed')
  const unit = running('main')
  await seen()
  rmSync(join(root, 'flag'))
  await children[0]?.ended
  expect(printed()).toBe('armed\n')
  expect(await stateOf(unit.pid)).toBe('S')
})
