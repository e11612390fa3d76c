import { describe, expect, test } from 'vitest'
import { decide } from '../../src/decide/decide.ts'
import type { Role } from '../../src/kubernetes/versions.ts'
import { taskOfMachine } from '../../src/upgrade/task.ts'
import { captured, put } from '../contract/captured.ts'
import { question } from './questions.ts'

type Spec = Record<string, unknown>

const roles: Role[] = ['control-plane', 'worker']

// Why a new version of a machine is declined whose KubeadmConfig is this and stays so: the path, or undefined.
function declinedFor(spec: Spec, role: Role): string | undefined {
  const { accepted, declined, operations } = decide(question({ role, bootstrap: [spec, structuredClone(spec)] }))
  if (declined.length === 0) {
    expect(accepted).toEqual(['machine version'])
    return undefined
  }
  expect(declined.map(({ code }) => code)).toEqual(['CONFIG_NOT_COVERED'])
  expect({ accepted, operations }).toEqual({ accepted: [], operations: { machine: [], bootstrapConfig: [] } })
  return declined[0]?.values.path
}

const join = (fields: Spec) => ({ joinConfiguration: fields })
const registered = (fields: Spec) => join({ nodeRegistration: fields })
const kubelet = (name: string, value: string) => registered({ kubeletExtraArgs: [{ name, value }] })
const etcdArgument = (name: string, value: string) => ({
  clusterConfiguration: { etcd: { local: { extraArgs: [{ name, value }] } } },
})
const after = (...postKubeadmCommands: string[]) => ({ postKubeadmCommands })

describe('a value that stays as it is and is kept', () => {
  test.each<[string, Spec]>([
    ["containerd's socket", registered({ criSocket: 'unix:///run/containerd/containerd.sock' })],
    ["containerd's socket as CAPD has it", registered({ criSocket: 'unix:///var/run/containerd/containerd.sock' })],
    ["containerd's socket as a path", registered({ criSocket: '/var/run/containerd/containerd.sock' })],
    ['no socket', registered({ criSocket: '' })],
    ['skipped addons', join({ skipPhases: ['addon/kube-proxy', 'addon', 'preflight'] })],
    ['a skipped mark', join({ skipPhases: ['control-plane-join/mark-control-plane'] })],
    ['no skipped phases', join({ skipPhases: [] })],
    ["the kubelet's usual health", kubelet('healthz-port', '10248')],
    ["a flag of the user's", kubelet('node-labels', 'a=b')],
    ['metrics of etcd for all', etcdArgument('listen-metrics-urls', 'http://0.0.0.0:2381')],
    ["etcd's data elsewhere", { clusterConfiguration: { etcd: { local: { dataDir: '/data/etcd' } } } }],
    ['certificates elsewhere', { clusterConfiguration: { certificatesDir: '/var/lib/pki' } }],
    ["an image registry of one's own", { clusterConfiguration: { imageRepository: 'registry.example.com' } }],
    ['names for the API server', { clusterConfiguration: { apiServer: { certSANs: ['a'] } } }],
    ['a port', join({ controlPlane: { localAPIEndpoint: { bindPort: 6444 } } })],
    ['a name', registered({ name: '{{ ds.meta_data.local_hostname }}' })],
    ['taints', registered({ taints: [{ key: 'a', effect: 'NoSchedule' }] })],
    ['users', { users: [{ name: 'a', sudo: 'ALL' }] }],
    ['mounts', { mounts: [['a', '/b']] }],
    ['disks', { diskSetup: { filesystems: [{ device: '/dev/a', filesystem: 'ext4', label: 'a' }] } }],
    ['clocks', { ntp: { servers: ['a'], enabled: true } }],
    ['ignition', { format: 'ignition', ignition: { containerLinuxConfig: { strict: true } } }],
    ['verbosity', { verbosity: 5 }],
    ['entries of files that are never written', { files: [{ path: '/etc/a', contentFrom: { secret: {} }, odd: 1 }] }],
    ['null', { joinConfiguration: null, files: null, anythingElse: null }],
    [
      "a command that installs a static pod of the user's",
      after('cp /vip.yaml /etc/kubernetes/manifests/kube-vip.yaml'),
    ],
    ["a command that names the manifests' directory", after('ls /etc/kubernetes/manifests/ /var/lib/kubelet')],
    ['a command before kubeadm', { preKubeadmCommands: ['rm -f /etc/kubernetes/manifests/kube-apiserver.yaml'] }],
    ['a script that no command runs', { files: [{ path: '/opt/a.sh', content: '#!/bin/sh\nrm etcd.yaml' }] }],
  ])('%s', (_, spec) => {
    for (const role of roles) expect(declinedFor(spec, role)).toBeUndefined()
  })
})

describe('a value that stays as it is and would be lost, or looked for where it is not, declines every change', () => {
  test.each<[string, Spec, string]>([
    ['another runtime', registered({ criSocket: 'unix:///run/crio/crio.sock' }), 'nodeRegistration.criSocket'],
    ['a skipped phase of the kubelet', join({ skipPhases: ['preflight', 'kubelet-start'] }), 'skipPhases'],
    ['skipped phases that are no list', join({ skipPhases: 'addon' }), 'skipPhases'],
    ["another port for the kubelet's health", kubelet('healthz-port', '0'), 'nodeRegistration.kubeletExtraArgs'],
    ['another place for static pods', kubelet('pod-manifest-path', '/pods'), 'nodeRegistration.kubeletExtraArgs'],
    [
      'another runtime by a flag',
      kubelet('container-runtime-endpoint', 'unix:///run/crio/crio.sock'),
      'nodeRegistration.kubeletExtraArgs',
    ],
    ['an unclean directory of patches', join({ patches: { directory: 'patches' } }), 'patches.directory'],
    ['a field that is not known', join({ anythingNew: {} }), 'anythingNew'],
  ])('%s', (_, spec, path) => {
    for (const role of roles) expect(declinedFor(spec, role)).toBe(`joinConfiguration.${path}`)
  })

  test.each<[string, Spec, string]>([
    ['an external etcd', { clusterConfiguration: { etcd: { external: {} } } }, 'clusterConfiguration.etcd.external'],
    [
      'encrypted metrics of etcd',
      etcdArgument('listen-metrics-urls', 'https://127.0.0.1:2381'),
      'clusterConfiguration.etcd.local.extraArgs',
    ],
    ['a skipped certificate', { initConfiguration: { skipPhases: ['certs/ca'] } }, 'initConfiguration.skipPhases'],
    ['a field that is not known', { clusterConfiguration: { networking: {} } }, 'clusterConfiguration.networking'],
    [
      'a field of an entry that is not known',
      { clusterConfiguration: { apiServer: { extraArgs: [{ name: 'a' }, { odd: 1 }] } } },
      'clusterConfiguration.apiServer.extraArgs.1.odd',
    ],
    [
      'a command that changes a manifest of kubeadm',
      after('true', 'sed -i s/a/b/ /etc/kubernetes/manifests/kube-apiserver.yaml'),
      'postKubeadmCommands',
    ],
    [
      'one that does it elsewhere',
      after('cd /etc/kubernetes/manifests', 'sed -i s/a/b/ etcd.yaml'),
      'postKubeadmCommands',
    ],
    ['one that changes all manifests', after('sed -i s/a/b/ /etc/kubernetes/manifests/*.yaml'), 'postKubeadmCommands'],
    ['one with a variable', after('sed -i s/a/b/ /etc/kubernetes/manifests/$name.yaml'), 'postKubeadmCommands'],
    [
      'one in a script',
      {
        ...after('sh /opt/a.sh'),
        files: [
          { path: '/opt/a.sh', content: '#!/bin/sh\nsed -i s/a/b/ /etc/kubernetes/manifests/kube-scheduler.yaml\n' },
        ],
      },
      'postKubeadmCommands',
    ],
  ])('%s, on a control plane machine alone', (_, spec, path) => {
    expect(declinedFor(spec, 'control-plane')).toBe(path)
    expect(declinedFor(spec, 'worker')).toBeUndefined()
  })

  test("a command that changes the kubelet's configuration, on any machine", () => {
    const spec = after('echo maxPods: 42 >>/var/lib/kubelet/config.yaml')
    for (const role of roles) expect(declinedFor(spec, role)).toBe('postKubeadmCommands')
  })

  test('a field that no version of the service knows', () => {
    for (const role of roles) expect(declinedFor({ anythingNew: 'a' }, role)).toBe('anythingNew')
  })

  test('the message has nothing of the value', () => {
    const spec = { ...after('echo secret >/var/lib/kubelet/config.yaml') }
    const { declined } = decide(question({ bootstrap: [spec, spec] }))
    expect(declined.map(({ message }) => message)).toEqual([
      "The KubeadmConfig's postKubeadmCommands is not supported in place: a command names /var/lib/kubelet/config.yaml, and kubeadm renders that again without what the command has made of it. (CONFIG_NOT_COVERED)",
    ])
  })
})

describe('mounts of the container', () => {
  const verdict = (...extraMounts: Spec[]) => {
    const spec = { backend: { docker: { extraMounts } } }
    return decide(question({ infrastructure: [spec, spec] })).declined.map(({ values }) => values.path)
  }

  test.each([
    { containerPath: '/var/run/docker.sock', hostPath: '/var/run/docker.sock' },
    { containerPath: '/etc/kubernetes', hostPath: '/a' },
    { containerPath: '/etc/ssl', hostPath: '/a', readOnly: true },
    { containerPath: '/var/lib/etcd', hostPath: '/a' },
  ])('are kept: %j', (mount) => {
    expect(verdict(mount)).toEqual([])
  })

  test.each([
    { containerPath: '/usr/bin/kubelet', hostPath: '/a' },
    { containerPath: '/etc/kubernetes/kubelet.conf' },
    { containerPath: '/etc/kubernetes/manifests/etcd.yaml' },
    { containerPath: '/var/lib/kubelet/config.yaml' },
    { containerPath: '/etc/kubernetes/', readOnly: true },
    { containerPath: '/usr', readOnly: true },
  ])('are in the way: %j', (mount) => {
    expect(verdict({ containerPath: '/a' }, mount)).toEqual(['backend.docker.extraMounts'])
  })

  test('are looked at in a DockerMachine, too', () => {
    const spec = { extraMounts: [{ containerPath: '/usr/bin/kubeadm' }] }
    const { declined } = decide(question({ kind: 'DockerMachine', infrastructure: [spec, spec] }))
    expect(declined.map(({ message }) => message)).toEqual([
      "The DockerMachine's extraMounts is not supported in place: a mount keeps a file that an update replaces. (CONFIG_NOT_COVERED)",
    ])
  })

  test('and in a field that is not known there is nothing to lose', () => {
    const spec = { backend: { docker: { bootstrapped: true } } }
    expect(decide(question({ infrastructure: [spec, spec] })).declined).toEqual([])
  })
})

test.each([
  ['certificates', { certificatesDir: '/var/lib/pki' }, '/var/lib/pki/a.crt'],
  ["etcd's data", { etcd: { local: { dataDir: '/data/etcd' } } }, '/data/etcd/a'],
])('no file is written into another directory of %s', (_, clusterConfiguration, path) => {
  const spec = (content: string) => ({ clusterConfiguration, files: [{ path, content }] })
  const { declined } = decide(question({ bootstrap: [spec('a'), spec('b')] }))
  expect(declined.map(({ code }) => code)).toEqual(['FILE_NOT_COVERED'])
})

test('nothing of a simulated machine can be lost', () => {
  const memory = { backend: { inMemory: {} } }
  const config = { anythingNew: 1, files: [] }
  const asked = question({
    inMemory: 'simulate',
    versions: ['v1.35.4', 'v1.35.4'],
    infrastructure: [memory, memory],
    bootstrap: [config, config],
  })
  expect(decide(asked).declined).toEqual([])
})

test('what CanUpdate declines UpdateMachine refuses', () => {
  const request = captured('update-machine.worker').body as never as Parameters<typeof taskOfMachine>[0]
  expect(() => taskOfMachine(request)).not.toThrow()
  const odd = structuredClone(request)
  put(odd.desired.bootstrapConfig, ['spec', 'joinConfiguration', 'skipPhases'], ['kubelet-start'])
  expect(() => taskOfMachine(odd)).toThrow(expect.objectContaining({ code: 'CONFIG_UNSUPPORTED' }))
  const mounted = structuredClone(request)
  const mounts = [{ containerPath: '/usr/bin/kubelet' }]
  put(mounted.desired.infrastructureMachine, ['spec', 'backend', 'docker', 'extraMounts'], mounts)
  expect(() => taskOfMachine(mounted)).toThrow(expect.objectContaining({ code: 'CONFIG_UNSUPPORTED' }))
})
