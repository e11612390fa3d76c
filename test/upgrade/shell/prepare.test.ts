import { chmodSync, statSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { manifestOf, manifests, pods, programs, staged, work } from './exchanged-machine.ts'
import { createRoot, type Root } from './rooted.ts'

const configuration = 'kind: ClusterConfiguration\nkubernetesVersion: v1.35.4\n'

// A machine at the old version, with a kubeadm that renders the target's manifests.
function machine(): Root {
  const root = createRoot()
  for (const pod of pods)
    root.write(`${manifests}/${pod}.yaml`, manifestOf(pod, pod === 'etcd' ? '3.6.5-0' : 'v1.34.4'))
  root.write(`${work}/cluster-configuration.yaml`, configuration)
  for (const pod of pods) root.write(`/tmp/pods/${pod}.yaml`, manifestOf(pod, pod === 'etcd' ? '3.6.6-0' : 'v1.35.4'))
  root.program(
    `${work}/bin/kubeadm`,
    `for last; do :; done
     case "$*" in
       *"phase control-plane"*) command -p cat "$last" >/tmp/given; command -p cp /tmp/pods/kube-*.yaml "$KUBEADM_INIT_DRYRUN_DIR/" ;;
       *"phase etcd"*) [ ! -e /tmp/pods/etcd.yaml ] || command -p cp /tmp/pods/etcd.yaml "$KUBEADM_INIT_DRYRUN_DIR/" ;;
     esac`,
  )
  for (const name of programs) {
    root.write(`/usr/bin/${name}`, `old ${name}`)
    if (name !== 'kubeadm') root.write(`${work}/bin/${name}`, `new ${name}`)
  }
  root.write('/var/lib/kubelet/config.yaml', 'old config')
  return root
}

function render(root: Root, patches = '-') {
  return root.run('steps/render.sh', work, 'cp-1', 'v1.35.4', patches)
}

function prepare(root: Root, patches = '-') {
  return root.run('steps/prepare.sh', work, patches, '{}', '--one=1', '--two')
}

function given(root: Root): object {
  return JSON.parse(root.read('/tmp/given').split('---\n')[1] ?? '')
}

const initConfiguration = {
  apiVersion: 'kubeadm.k8s.io/v1beta4',
  kind: 'InitConfiguration',
  nodeRegistration: { name: 'cp-1' },
  localAPIEndpoint: { advertiseAddress: '10.0.0.2', bindPort: 6443 },
}

describe.skipIf(process.platform !== 'linux')('render.sh', () => {
  test('gives kubeadm the cluster, this machine and a directory, and changes nothing else', async () => {
    const root = machine()
    expect((await render(root)).exitCode).toBe(0)
    for (const pod of pods) expect(root.read(`${work}/rendered/${pod}.yaml`)).toBe(root.read(`/tmp/pods/${pod}.yaml`))
    expect(root.read('/tmp/given').startsWith(configuration)).toBe(true)
    expect(given(root)).toEqual(initConfiguration)
    expect(root.read(`${manifests}/etcd.yaml`)).toBe(manifestOf('etcd', '3.6.5-0'))
    expect([`${work}/render.yaml`, `${work}/rendered.new`, `${work}/exchange.refused`].filter(root.has)).toEqual([])
    // A second time it renders nothing.
    const calls = root.calls().length
    expect((await render(root)).exitCode).toBe(0)
    expect(root.calls()).toHaveLength(calls)
  })

  test.each([
    ["'[fd00::2]:6443'", { advertiseAddress: 'fd00::2', bindPort: 6443 }],
    ['10.0.0.2:7443', { advertiseAddress: '10.0.0.2', bindPort: 7443 }],
  ])('the endpoint %s is given as it has to be', async (endpoint, localAPIEndpoint) => {
    const root = machine()
    const manifest = root.read(`${manifests}/kube-apiserver.yaml`).replace('10.0.0.2:6443', endpoint)
    root.write(`${manifests}/kube-apiserver.yaml`, manifest)
    await render(root)
    expect(given(root)).toEqual({ ...initConfiguration, localAPIEndpoint })
  })

  test('patches are given to kubeadm, and a directory that is missing is a failure', async () => {
    const root = machine()
    expect((await render(root, '/etc/patches')).exitCode).toBe(47)
    root.write('/etc/patches/etcd.yaml', 'x')
    await render(root, '/etc/patches')
    expect(given(root)).toEqual({ ...initConfiguration, patches: { directory: '/etc/patches' } })
  })

  const set = (pod: string, tag: string) => (root: Root) => root.write(`${manifests}/${pod}.yaml`, manifestOf(pod, tag))

  test('static pods of several versions are rendered where an exchange of them is half way', async () => {
    const root = machine()
    set('kube-scheduler', 'v1.35.4')(root)
    root.write(`${work}/before/kubelet`, 'old')
    expect((await render(root)).exitCode).toBe(0)
    expect(root.has(`${work}/rendered/kube-scheduler.yaml`)).toBe(true)
    expect(root.has(`${work}/exchange.refused`)).toBe(false)
  })

  test.each<[string, (root: Root) => void]>([
    ['the static pods are of several versions', set('kube-scheduler', 'v1.35.4')],
    [
      'the feature gate RootlessControlPlane is on',
      (root) => root.write(`${work}/cluster-configuration.yaml`, 'featureGates:\n  RootlessControlPlane: true\n'),
    ],
    [
      'the manifest of kube-apiserver has no advertise address',
      (root) => root.write(`${manifests}/kube-apiserver.yaml`, '    image: registry.k8s.io/kube-apiserver:v1.34.4\n'),
    ],
    ['kubeadm renders no manifest of etcd', (root) => root.remove('/tmp/pods/etcd.yaml')],
    [
      'kubeadm renders another version of kube-scheduler',
      (root) => root.write('/tmp/pods/kube-scheduler.yaml', manifestOf('kube-scheduler', 'v1.35.5')),
    ],
    ['etcd runs 3.6.10-0, which is newer than 3.6.6-0', set('etcd', '3.6.10-0')],
    [
      'kubeadm init phase control-plane all: error: no kind is registered',
      (root) => root.program(`${work}/bin/kubeadm`, 'echo W1; echo "error: no kind is registered" >&2; exit 1'),
    ],
  ])('refuses where %s', async (reason, change) => {
    const root = machine()
    change(root)
    expect((await render(root)).exitCode).toBe(0)
    expect(root.read(`${work}/exchange.refused`)).toBe(`${reason}\n`)
    expect([`${work}/rendered`, `${work}/rendered.new`, `${work}/render.yaml`].filter(root.has)).toEqual([])
  })

  test('a full disk is no reason to refuse', async () => {
    const root = machine()
    root.program(`${work}/bin/kubeadm`, 'echo "error: write /x: no space left on device" >&2; exit 1')
    const { exitCode, stdout } = await render(root)
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: 'no space left on device' })
    expect(root.has(`${work}/exchange.refused`)).toBe(false)
  })
})

async function rendered(): Promise<Root> {
  const root = machine()
  await render(root)
  return root
}

describe.skipIf(process.platform !== 'linux')('prepare.sh', () => {
  test('lets kubeadm do all but the static pods, and puts new manifests and programs next to their places', async () => {
    const root = await rendered()
    expect((await prepare(root)).exitCode).toBe(0)
    expect(root.calls().slice(-2)).toEqual(['kubeadm certs renew all', 'kubeadm upgrade node --one=1 --two'])
    expect(root.read(`${work}/upgrade.yaml`)).toBe('{}\n')
    for (const pod of pods) {
      expect(root.read(`${staged}/${pod}.yaml`)).toBe(root.read(`/tmp/pods/${pod}.yaml`))
      expect(statSync(root.path(`${staged}/${pod}.yaml`)).mode & 0o777).toBe(0o600)
      expect(root.read(`${manifests}/${pod}.yaml`)).toContain(pod === 'etcd' ? '3.6.5-0' : 'v1.34.4')
      expect(root.read(`${work}/before/manifests/${pod}.yaml`)).toBe(root.read(`${manifests}/${pod}.yaml`))
    }
    expect(root.read('/usr/bin/.kubelet.new')).toBe('new kubelet')
    expect(root.read('/usr/bin/kubelet')).toBe('old kubelet')
    expect(root.read(`${work}/before/kubelet`)).toBe('old kubelet')
    expect(root.read(`${work}/before/config.yaml`)).toBe('old config')
    expect(root.has(`${work}/prepared`)).toBe(true)
  })

  test('keeps what was there before kubeadm has changed it, and only once', async () => {
    const root = await rendered()
    root.program(`${work}/bin/kubeadm`, 'echo new >/var/lib/kubelet/config.yaml; exit 1')
    expect((await prepare(root)).exitCode).toBe(1)
    expect(root.has(`${work}/prepared`)).toBe(false)
    root.program(`${work}/bin/kubeadm`)
    root.write(`${manifests}/etcd.yaml`, root.read(`${work}/rendered/etcd.yaml`))
    expect((await prepare(root)).exitCode).toBe(0)
    expect(root.read(`${work}/before/config.yaml`)).toBe('old config')
    expect(root.read(`${work}/before/manifests/etcd.yaml`)).toBe(manifestOf('etcd', '3.6.5-0'))
  })

  test('what is equal stays where it is', async () => {
    const root = await rendered()
    root.write(`${manifests}/etcd.yaml`, root.read(`${work}/rendered/etcd.yaml`))
    for (const name of programs) {
      root.write(`/usr/bin/${name}`, root.read(`${work}/bin/${name}`))
      root.write(`/usr/bin/.${name}.new`, 'from an earlier run')
    }
    chmodSync(root.path(`${work}/bin/kubeadm`), 0o755)
    // The stand-in for kubeadm has paths of the host in it.
    root.program('/usr/bin/kubeadm')
    root.program(`${work}/bin/kubeadm`)
    await prepare(root)
    expect(root.has(`${staged}/etcd.yaml`)).toBe(false)
    expect(root.has(`${staged}/kube-scheduler.yaml`)).toBe(true)
    expect(programs.filter((name) => root.has(`/usr/bin/.${name}.new`))).toEqual([])
  })

  test('a directory of patches that is missing is a failure before anything is done', async () => {
    const root = await rendered()
    const calls = root.calls().length
    expect((await prepare(root, '/etc/patches')).exitCode).toBe(47)
    expect(root.calls()).toHaveLength(calls)
    expect(root.has(`${work}/before`)).toBe(false)
  })
})
