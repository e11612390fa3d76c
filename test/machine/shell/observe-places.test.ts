import { describe, expect, test } from 'vitest'
import { observe } from '../../../src/machine/observe.ts'
import { caCertificate } from '../../fake-docker/ca.ts'
import { startQuickLab } from '../../fake-docker/lab.ts'
import type { Root } from '../../upgrade/shell/rooted.ts'
import { mirrorOf } from './mirror.ts'
import { realMachine } from './real-machine.ts'

const configuration = '/var/lib/kubelet/config.yaml'

// What is read of a control plane machine that is like this.
async function observed(prepare: (root: Root) => void) {
  const root = mirrorOf(startQuickLab('cp-1'), 'cp-1')
  prepare(root)
  const machine = realMachine(root, 'control-plane')
  return { root, observation: await observe(machine, { sections: ['host', 'kubelet', 'manifests', 'space'] }) }
}

describe.skipIf(process.platform !== 'linux')('what the machine is and what it runs on', () => {
  const host = async (prepare: (root: Root) => void = () => {}) => (await observed(prepare)).observation.host

  // The kubelet's flags as the kernel has them.
  const flags = (...more: string[]) => ['/usr/bin/kubelet', '--a=b', ...more, ''].join('\0')

  function runKubelet(root: Root, ...more: string[]): void {
    root.write('/proc/700/cmdline', flags(...more))
  }

  test('a machine of kubeadm with cgroup v2 and containerd 2', async () => {
    const found = await host((root) => runKubelet(root))
    expect(found).toEqual({ missing: [], cgroups: 2, allowsCgroupV1: false, containerd: 'v2.3.4' })
  })

  test('B07: a machine that kubeadm did not make lacks its files', async () => {
    const { missing } = await host((root) => {
      root.remove('/etc/kubernetes/kubelet.conf')
      root.remove(configuration)
    })
    expect(missing).toEqual(['/etc/kubernetes/kubelet.conf', configuration])
  })

  test('B21: cgroup v1, and no word on it', async () => {
    const found = await host((root) => {
      root.remove('/sys/fs/cgroup/cgroup.controllers')
      runKubelet(root)
    })
    expect(found).toMatchObject({ cgroups: 1, allowsCgroupV1: false })
  })

  test.each([
    ['failCgroupV1: false\n', true],
    ['kind: a\nfailCgroupV1:   false # here\nb: 1\n', true],
    ['{\n  "kind": "a",\n  "failCgroupV1": false\n}\n', true],
    ['{"kind": "a", "failCgroupV1": false, "b": 1}\n', true],
    ['{kind: a, failCgroupV1: false}\n', true],
    ["{'failCgroupV1':false}\n", true],
    ['{"failCgroupV1":true}\n', false],
    ['failCgroupV1: true\n', false],
    ['# failCgroupV1: false\n', false],
    ['kind: a # failCgroupV1: false\n', false],
  ])('the kubelet’s configuration is %j', async (text, allowsCgroupV1) => {
    const found = await host((root) => {
      root.write(configuration, text)
      runKubelet(root)
    })
    expect(found).toMatchObject({ allowsCgroupV1 })
  })

  test('without the flags of a kubelet that runs, what its configuration does not have may stand elsewhere', async () => {
    const text = 'failCgroupV1: false\n'
    expect(await host()).toMatchObject({ allowsCgroupV1: undefined })
    expect(await host((root) => root.write(configuration, text))).toMatchObject({ allowsCgroupV1: true })
  })

  test.each([
    ['one word', '--config-dir='],
    ['two words', '--config-dir\0'],
  ])('a later configuration wins, of a directory that the kubelet is given in %s', async (_, flag) => {
    const found = await host((root) => {
      root.write(configuration, 'failCgroupV1: true\n')
      root.write('/etc/drop-ins/10-a.conf', 'failCgroupV1: false\n')
      runKubelet(root, `${flag}${root.path('/etc/drop-ins')}`, '--c=d')
    })
    expect(found).toMatchObject({ allowsCgroupV1: true })
  })

  test('the kubelet reads the directories below that one too', async () => {
    const found = await host((root) => {
      root.write('/etc/drop-ins/a/10-a.conf', 'failCgroupV1: false\n')
      runKubelet(root, `--config-dir=${root.path('/etc/drop-ins')}`)
    })
    expect(found).toMatchObject({ allowsCgroupV1: true })
  })

  test.each([
    ['true', ['--fail-cgroupv1=false'], true],
    ['true', ['--fail-cgroupv1=0'], true],
    ['true', ['--fail-cgroupv1', '--fail-cgroupv1=false'], true],
    ['false', ['--fail-cgroupv1'], false],
    ['false', ['--fail-cgroupv1=true'], false],
  ])('B21: the configuration has failCgroupV1: %s, and the flags %j win', async (text, more, allowsCgroupV1) => {
    const found = await host((root) => {
      root.write(configuration, `failCgroupV1: ${text}\n`)
      runKubelet(root, ...more)
    })
    expect(found).toMatchObject({ allowsCgroupV1 })
  })

  // systemd v255 and newer, src/core/exec-invoke.c: another program of systemd's runs until the kubelet is executed.
  test('a process that is not the kubelet yet shows nothing of its flags, nor of its version', async () => {
    const { observation } = await observed((root) => {
      root.write('/proc/700/cmdline', '/usr/lib/systemd/systemd-executor\0--deserialize\0')
      root.write('/proc/700/comm', '(kubelet)\n')
    })
    expect(observation.host.allowsCgroupV1).toBeUndefined()
    expect(observation.kubelet).toMatchObject({ version: '', healthy: false })
  })

  test('a containerd that does not answer has no version', async () => {
    expect(await host((root) => root.program('/stand-ins/ctr', 'exit 1'))).toMatchObject({ containerd: '' })
  })

  test('containerd 1 names its version without a v', async () => {
    const text = 'Client:\n  Version:  1.7.24~ds1\n\nServer:\n  Version:  1.7.24~ds1\n'
    expect(await host((root) => root.write('/ctr/version', text))).toMatchObject({ containerd: '1.7.24~ds1' })
  })
})

describe.skipIf(process.platform !== 'linux')('what is elsewhere than kubeadm has it by default', () => {
  test("the cluster's CA is taken from the kubelet's kubeconfig where certificates are elsewhere", async () => {
    const { observation } = await observed((root) => {
      root.remove('/etc/kubernetes/pki/ca.crt')
      const data = Buffer.from(caCertificate).toString('base64')
      root.write('/etc/kubernetes/kubelet.conf', `clusters:\n- cluster:\n    certificate-authority-data: ${data}\n`)
    })
    expect(observation.ca).toBe(caCertificate)
  })

  test.each<[string, string]>([
    ['healthzBindAddress: 127.0.0.1\nhealthzPort: 10248\n', 'http://127.0.0.1:10248/healthz'],
    ['healthzPort: 10999\n', 'http://127.0.0.1:10999/healthz'],
    ['healthzBindAddress: "::1"\n', 'http://[::1]:10248/healthz'],
    ['healthzBindAddress: 0.0.0.0\n', 'http://127.0.0.1:10248/healthz'],
    ["healthzBindAddress: '10.0.0.2'\n", 'http://10.0.0.2:10248/healthz'],
  ])("the kubelet's health is probed where %j has it, and by no proxy", async (text, url) => {
    const { root } = await observed(({ write }) => write(configuration, text))
    const asked = root.calls().find((call) => call.startsWith('curl ') && call.includes('/healthz'))
    expect(asked).toBe(`curl --silent --noproxy * --max-time 3 ${url}`)
  })

  const manifest = (root: Root) =>
    `spec:\n  containers:\n  - command:\n    - --data-dir=${root.path('/var/lib/other')}\n`

  test("etcd's data is where its manifest has it", async () => {
    const { root, observation } = await observed((found) => {
      found.remove('/var/lib/etcd')
      found.write('/var/lib/other/member/wal', '')
      found.write('/etc/kubernetes/manifests/etcd.yaml', manifest(found))
    })
    expect(observation.hasEtcdData).toBe(true)
    expect(root.calls().filter((call) => call.startsWith('du '))).toEqual(['du -sm /var/lib/other'])
  })

  test("and where kubeadm's newest copy of the manifest has it, while that is missing", async () => {
    const { observation } = await observed((found) => {
      found.remove('/var/lib/etcd')
      found.remove('/etc/kubernetes/manifests/etcd.yaml')
      found.write('/var/lib/other/member/wal', '')
      found.write('/etc/kubernetes/tmp/kubeadm-backup-manifests-1/etcd.yaml', manifest(found))
    })
    expect(observation.hasEtcdData).toBe(true)
  })
})
