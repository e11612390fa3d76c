import { spawn } from 'node:child_process'
import { rmSync, statSync } from 'node:fs'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import {
  balanceWith,
  breakIt,
  manifestOf,
  manifests,
  pods,
  prepareMachine,
  programs,
  type Shape,
  staged,
  work,
} from './exchanged-machine.ts'
import { createRoot, type Root } from './rooted.ts'

const drained = '/var/lib/capd-kubeadm-upgrader/drained'
const page = 'http://10.0.0.9:8404/stats'

function machine(shape: Shape = {}): Root {
  const root = createRoot()
  prepareMachine(root, shape)
  return root
}

// A second is enough for those that end, and none for those that are to get well.
function exchange(root: Root, way = 'forward', balancer = 'drain') {
  return root.run('steps/exchange.sh', way, work, 'cp-1', balancer, '1', '0')
}

function versionsIn(root: Root, directory: string): string[] {
  return programs.map((name) => /v1[.\d]+/.exec(root.read(`${directory}/${name}`))?.[0] ?? '')
}

function tagsOf(root: Root): string[] {
  return pods.map((pod) => /image: .*:(.*)/.exec(root.read(`${manifests}/${pod}.yaml`))?.[1] ?? '')
}

function systemdOf(root: Root): string[] {
  return root.calls().filter((call) => /^systemctl (start|stop|daemon)/.test(call))
}

function balancerOf(root: Root): string[] {
  return root.calls().flatMap((call) => /--data s=(\S+) http:\S+$/.exec(call)?.[1] ?? [])
}

const oldTags = ['3.6.5-0', 'v1.34.4', 'v1.34.4', 'v1.34.4']
const newTags = ['3.6.6-0', 'v1.35.4', 'v1.35.4', 'v1.35.4']
const wholeExchange = ['systemctl daemon-reload', 'systemctl stop kubelet', 'systemctl start kubelet']

// A real process; undefined once it has ended.
function process(command: string): number {
  const { pid, exitCode } = spawn('sh', ['-c', command], { stdio: 'ignore' })
  if (pid === undefined || exitCode !== null) throw new Error('no process')
  onTestFinished(() => {
    if (isAlive(pid)) globalThis.process.kill(pid, 'SIGKILL')
  })
  return pid
}

function isAlive(pid: number): boolean {
  try {
    return globalThis.process.kill(pid, 0)
  } catch {
    return false
  }
}

describe.skipIf(globalThis.process.platform !== 'linux')('exchange.sh', () => {
  test('asks the machine and its load balancer past every proxy', async () => {
    const root = machine()
    onTestFinished(() => void vi.unstubAllEnvs())
    for (const name of ['HTTPS_PROXY', 'no_proxy', 'NO_PROXY']) vi.stubEnv(name, 'http://proxy:3128')
    const note = 'echo "$NO_PROXY $no_proxy" >>/tmp/proxies'
    root.program('/stand-ins/kubectl', `${note} ; printf ok`)
    root.program('/stand-ins/curl', `${note} ; case "$*" in *csv) exit 7 ;; esac; echo '{"health":"true"}'`)
    expect((await exchange(root)).exitCode).toBe(0)
    expect(new Set(root.read('/tmp/proxies').trim().split('\n'))).toEqual(new Set(['* *']))
  })

  test('exchanges manifests and programs while the kubelet is stopped, and marks that it has', async () => {
    const root = machine()
    const { exitCode, stdout } = await exchange(root)
    expect(exitCode).toBe(0)
    expect(tagsOf(root)).toEqual(newTags)
    expect(versionsIn(root, '/usr/bin')).toEqual(Array(3).fill('v1.35.4'))
    expect(statSync(root.path(`${manifests}/etcd.yaml`)).mode & 0o777).toBe(0o600)
    expect(systemdOf(root)).toEqual(wholeExchange)
    expect(stdout.split('\n')[0]).toBe('drained')
    // etcd is the last.
    expect(stdout.split('\n').at(-1)).toBe('etcd has ended')
    expect(root.has(`${work}/exchanged`)).toBe(true)
    expect(versionsIn(root, `${work}/before`)).toEqual(Array(3).fill('v1.34.4'))
  })

  test('a second run changes nothing and stops nothing', async () => {
    const root = machine()
    await exchange(root)
    expect((await exchange(root)).exitCode).toBe(0)
    expect(systemdOf(root)).toEqual([...wholeExchange, 'systemctl start kubelet'])
    expect(tagsOf(root)).toEqual(newTags)
  })

  test('ends the processes, and kills an API server that does not end by itself', async () => {
    const stubborn = 'trap "" TERM; echo; while :; do sleep 0.1; done'
    const pids = Object.fromEntries(
      pods.map((pod) => [pod, process(pod === 'kube-apiserver' ? stubborn : 'sleep 600')]),
    )
    const root = machine({ pids })
    root.program('/stand-ins/sleep', 'exec /bin/sleep 0.05')
    const { stdout } = await exchange(root)
    for (const pid of Object.values(pids)) await expect.poll(() => isAlive(pid)).toBe(false)
    expect(stdout).toContain('kube-apiserver had to be killed')
    expect(stdout.match(/had to be killed/g)).toHaveLength(1)
  })

  test('leaves a process of the same name alone that is no static pod', async () => {
    const pid = process('sleep 600')
    const root = machine()
    root.write('/tmp/tasks', `${root.read('/tmp/tasks')}id-of-another ${pid} RUNNING\n`)
    await exchange(root)
    expect(isAlive(pid)).toBe(true)
    expect(root.calls().filter((call) => call.startsWith('ctr -n k8s.io containers'))[0]).toContain(
      'labels."io.kubernetes.pod.namespace"==kube-system,labels."io.kubernetes.pod.name"==kube-',
    )
  })

  test('leaves what is equal running where the minor version of the kubelet stays', async () => {
    const root = machine({
      versions: { before: 'v1.35.4', after: 'v1.35.5' },
      etcd: { before: '3.6.6-0', after: '3.6.6-0' },
    })
    const { stdout } = await exchange(root)
    expect(stdout).not.toContain('etcd')
    expect(stdout).toContain('kube-apiserver has ended')
    expect(tagsOf(root)).toEqual(['3.6.6-0', 'v1.35.5', 'v1.35.5', 'v1.35.5'])
  })

  test('ends what is equal, too, where another minor version of the kubelet would start it again', async () => {
    const root = machine({
      versions: { before: 'v1.34.4', after: 'v1.35.4' },
      etcd: { before: '3.6.6-0', after: '3.6.6-0' },
    })
    expect((await exchange(root)).stdout).toContain('etcd has ended')
  })

  test('an etcd member that is not healthy is left alone', async () => {
    const root = machine()
    root.program('/stand-ins/curl', 'echo \'{"health":"false"}\'')
    expect((await exchange(root)).exitCode).toBe(51)
    expect(systemdOf(root)).toEqual([])
    expect(tagsOf(root)).toEqual(oldTags)
  })

  test('containerd that does not answer leaves everything as it was, and the kubelet runs', async () => {
    const root = machine()
    root.program('/stand-ins/ctr', 'exit 1')
    expect((await exchange(root)).exitCode).not.toBe(0)
    expect(systemdOf(root)).toEqual(wholeExchange)
    expect(tagsOf(root)).toEqual(oldTags)
  })

  describe('at the load balancer', () => {
    test('is drained before anything is stopped, and ready again at the end', async () => {
      const root = machine()
      await exchange(root)
      expect(balancerOf(root)).toEqual(['cp-1&action=drain&b=kube-apiservers', 'cp-1&action=ready&b=kube-apiservers'])
      const calls = root.calls()
      const at = (what: string) => calls.findIndex((call) => call.includes(what))
      expect(at('action=drain')).toBeLessThan(at('stop kubelet'))
      expect(at('action=ready')).toBeGreaterThan(at('start kubelet'))
      expect(calls[at('action=drain')]).toContain(page)
      expect(root.has(drained)).toBe(false)
    })

    test.each<[string, string[], string]>([
      ['it is to be left', ['cp-1 UP', 'cp-2 UP'], 'leave'],
      ['it is the only one', ['cp-1 UP'], 'drain'],
      ['no other one is up', ['cp-1 UP', 'cp-2 DOWN', 'cp-3 DRAIN', 'cp-4 MAINT', 'BACKEND UP'], 'drain'],
      ['it is not up itself', ['cp-1 DRAIN', 'cp-2 UP'], 'drain'],
      ['it is not known there', ['cp-2 UP', 'cp-3 UP'], 'drain'],
      ['there is no page', [], 'drain'],
    ])('is not drained where %s', async (_, servers, balancer) => {
      const root = machine()
      balanceWith(root, servers)
      expect((await exchange(root, 'forward', balancer)).exitCode).toBe(0)
      expect(balancerOf(root)).toEqual([])
      expect(root.has(drained)).toBe(false)
      expect(tagsOf(root)).toEqual(newTags)
    })

    test('the note of it stays until it is ready again', async () => {
      const root = machine()
      balanceWith(root, ['cp-1 UP', 'cp-2 UP'], 503)
      expect((await exchange(root)).exitCode).toBe(0)
      expect(root.read(drained)).toBe(`${page}\n`)
      balanceWith(root, ['cp-1 DRAIN', 'cp-2 UP'])
      expect((await exchange(root)).exitCode).toBe(0)
      expect(root.has(drained)).toBe(false)
    })

    test('the page is at the address of the endpoint, IPv6 and another port included', async () => {
      const root = machine()
      root.write('/etc/kubernetes/admin.conf', '    server: https://[fd00::9]:7443\n')
      await exchange(root)
      expect(root.calls().find((call) => call.endsWith(';csv'))).toContain(' http://[fd00::9]:8404/stats;csv')
    })

    test('tidy.sh makes it ready, or reports that it is still drained and removes nothing', async () => {
      const root = machine()
      root.write(drained, `${page}\n`)
      balanceWith(root, [], 503)
      expect(await root.run('steps/tidy.sh', work, 'cp-1')).toMatchObject({ exitCode: 0, stdout: 'drained' })
      expect(root.has(work)).toBe(true)
      balanceWith(root, ['cp-1 DRAIN', 'cp-2 UP'])
      expect(await root.run('steps/tidy.sh', work, 'cp-1')).toMatchObject({ exitCode: 0, stdout: '' })
      expect([drained, work, staged, '/usr/bin/.kubelet.new'].filter((path) => root.has(path))).toEqual([])
    })
  })

  describe('on the way back', () => {
    test.each([
      ['kubelet', 'a line of the kubelet'],
      ['etcd', 'a line of etcd'],
      ['kube-apiserver', 'a line of kube-apiserver'],
    ])('everything from before is in place where the new %s does not get well', async (component, line) => {
      const root = machine()
      const log = `/var/log/pods/kube-system_${component}-cp-1_uid/${component}`
      root.write(`${log}/0.log`, `2026-01-01T00:00:00Z stderr F first\n2026-01-01T00:00:00Z stderr F ${line}\n`)
      root.write(`${log}/1.log`, '')
      breakIt(root, component)
      const { exitCode, stdout } = await exchange(root)
      expect(exitCode).toBe(49)
      expect(stdout.split('\n').at(-1)).toBe(`component ${component}: ${line}`)
      expect(tagsOf(root)).toEqual(oldTags)
      expect(versionsIn(root, '/usr/bin')).toEqual(Array(3).fill('v1.34.4'))
      expect(root.read('/var/lib/kubelet/config.yaml')).toBe('old config.yaml\n')
      expect(root.read('/var/lib/kubelet/kubeadm-flags.env')).toBe('old kubeadm-flags.env\n')
      expect(systemdOf(root)).toEqual([...wholeExchange, ...wholeExchange])
      expect(balancerOf(root).at(-1)).toContain('action=ready')
      for (const left of [
        staged,
        `${work}/before`,
        `${work}/prepared`,
        `${work}/rendered`,
        `${work}/undoing`,
        drained,
      ]) {
        expect(root.has(left), left).toBe(false)
      }
    })

    test('nothing is stopped before anything was exchanged, and what was prepared is gone', async () => {
      const root = machine()
      expect((await exchange(root, 'back')).exitCode).toBe(0)
      expect(systemdOf(root)).toEqual(['systemctl start kubelet'])
      expect(root.read('/var/lib/kubelet/config.yaml')).toBe('old config.yaml\n')
      for (const left of [staged, '/usr/bin/.kubelet.new', `${work}/before`, `${work}/prepared`]) {
        expect(root.has(left), left).toBe(false)
      }
    })

    test('a part that was exchanged is put back', async () => {
      const root = machine()
      root.write(`${manifests}/etcd.yaml`, manifestOf('etcd', '3.6.6-0'))
      root.remove(`${staged}/etcd.yaml`)
      expect((await exchange(root, 'back')).exitCode).toBe(0)
      expect(tagsOf(root)).toEqual(oldTags)
      expect(systemdOf(root)).toEqual(wholeExchange)
    })

    test('an etcd of another minor version that is healthy stays: its data is never put back', async () => {
      const root = machine({ etcd: { before: '3.6.5-0', after: '3.7.0-0' } })
      breakIt(root, 'kube-apiserver')
      expect((await exchange(root)).exitCode).toBe(49)
      expect(tagsOf(root)).toEqual(['3.7.0-0', 'v1.34.4', 'v1.34.4', 'v1.34.4'])
    })

    test('an etcd of another minor version that is not healthy gives way', async () => {
      const root = machine({ etcd: { before: '3.6.5-0', after: '3.7.0-0' } })
      breakIt(root, 'etcd')
      expect((await exchange(root)).exitCode).toBe(49)
      expect(tagsOf(root)).toEqual(oldTags)
    })

    test('does nothing to a machine that has nothing from before', async () => {
      const root = machine()
      rmSync(root.path(`${work}/before`), { recursive: true })
      expect((await exchange(root, 'back')).exitCode).toBe(0)
      expect(systemdOf(root)).toEqual([])
      expect(tagsOf(root)).toEqual(oldTags)
    })
  })
})
