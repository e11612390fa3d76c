import { chmodSync, statSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { reportsFullDisk } from '../../../src/machine/disk-full.ts'
import { canMount, mountAt } from './disturbed.ts'
import { createRoot, type Root } from './rooted.ts'

const work = '/var/lib/work'
const flags = '/var/lib/kubelet/kubeadm-flags.env'
const programs = ['kubeadm', 'kubelet', 'kubectl']

function put(root: Root, directory: string, version: string): void {
  for (const name of programs) root.program(`${directory}/${name}`, `echo "Kubernetes ${version}"`)
}

// A machine whose programs are old, with the new ones staged.
function machine(): Root {
  const root = createRoot()
  put(root, '/usr/bin', 'v1.34.4')
  put(root, `${work}/bin`, 'v1.35.4')
  root.program('/stand-ins/systemctl')
  return root
}

function versionIn(root: Root, directory: string): string[] {
  return programs.map((name) => /v1[.\d]+/.exec(root.read(`${directory}/${name}`))?.[0] ?? '')
}

const restarts = ['systemctl daemon-reload', 'systemctl restart kubelet']

describe.skipIf(process.platform !== 'linux')('kubelet.sh', () => {
  test('puts the staged programs in place, keeps the old ones and restarts the kubelet', async () => {
    const root = machine()
    const running = statSync(root.path('/usr/bin/kubelet')).ino
    expect((await root.run('steps/kubelet.sh', work, 'v1.35.4')).exitCode).toBe(0)
    expect(versionIn(root, '/usr/bin')).toEqual(Array(3).fill('v1.35.4'))
    expect(versionIn(root, `${work}/previous`)).toEqual(Array(3).fill('v1.34.4'))
    // The file that runs was not written into.
    expect(statSync(root.path('/usr/bin/kubelet')).ino).not.toBe(running)
    expect(root.calls().filter((call) => call.startsWith('systemctl'))).toEqual(restarts)
  })

  test('does not take the new programs for the old ones when it runs again', async () => {
    const root = machine()
    await root.run('steps/kubelet.sh', work, 'v1.35.4')
    await root.run('steps/kubelet.sh', work, 'v1.35.4')
    expect(versionIn(root, `${work}/previous`)).toEqual(Array(3).fill('v1.34.4'))
  })

  test('keeps the old ones whole after a run that was broken off while it kept them', async () => {
    const root = machine()
    root.write(`${work}/previous.new/kubelet`, 'half')
    await root.run('steps/kubelet.sh', work, 'v1.35.4')
    expect(versionIn(root, `${work}/previous`)).toEqual(Array(3).fill('v1.34.4'))
  })

  test.skipIf(!canMount)('reports a full disk where the kept programs have one of their own', async () => {
    const root = machine()
    mountAt(root.path(`${work}/previous.new`), '4k')
    const { exitCode, stderr } = await root.run('steps/kubelet.sh', work, 'v1.35.4')
    expect(exitCode).not.toBe(0)
    expect(reportsFullDisk(stderr)).toBe(true)
    expect(versionIn(root, '/usr/bin')).toEqual(Array(3).fill('v1.34.4'))
  })

  test('changes nothing in /usr/bin and restarts nothing when a staged program is missing', async () => {
    const root = machine()
    root.remove(`${work}/bin/kubelet`)
    expect((await root.run('steps/kubelet.sh', work, 'v1.35.4')).exitCode).not.toBe(0)
    expect(versionIn(root, '/usr/bin')).toEqual(Array(3).fill('v1.34.4'))
    expect(root.calls()).toEqual(['kubelet --version'])
  })

  test.each([
    [
      'KUBELET_KUBEADM_ARGS="--pod-infra-container-image=registry.k8s.io/pause:3.10 --node-ip=10.0.0.1"\n',
      'KUBELET_KUBEADM_ARGS=" --node-ip=10.0.0.1"\n',
    ],
    [
      'KUBELET_KUBEADM_ARGS="--node-ip=10.0.0.1 --pod-infra-container-image=registry.k8s.io/pause:3.10"\n',
      'KUBELET_KUBEADM_ARGS="--node-ip=10.0.0.1"\n',
    ],
    ['KUBELET_KUBEADM_ARGS="--node-ip=10.0.0.1"\n', 'KUBELET_KUBEADM_ARGS="--node-ip=10.0.0.1"\n'],
  ])('a flag that the new kubelet refuses is taken out of %j', async (before, after) => {
    const root = machine()
    root.write(flags, before)
    expect((await root.run('steps/kubelet.sh', work, 'v1.35.4', 'pod-infra-container-image')).exitCode).toBe(0)
    expect(root.read(flags)).toBe(after)
  })

  test('keeps the mode and the owner of the flags, and goes on without the file', async () => {
    const root = machine()
    root.write(flags, 'KUBELET_KUBEADM_ARGS="--pod-infra-container-image=x"\n')
    chmodSync(root.path(flags), 0o600)
    const { uid } = statSync(root.path(flags))
    await root.run('steps/kubelet.sh', work, 'v1.35.4', 'pod-infra-container-image')
    expect(statSync(root.path(flags))).toMatchObject({ mode: 0o100600, uid })
    root.remove(flags)
    expect((await root.run('steps/kubelet.sh', work, 'v1.35.4', 'pod-infra-container-image')).exitCode).toBe(0)
    expect(root.has(flags)).toBe(false)
  })

  test('a kubelet that systemd cannot restart is a failure', async () => {
    const root = machine()
    root.program('/stand-ins/systemctl', '[ "$1" != restart ]')
    expect((await root.run('steps/kubelet.sh', work, 'v1.35.4')).exitCode).not.toBe(0)
  })
})

describe.skipIf(process.platform !== 'linux')('restore-kubelet.sh', () => {
  test('puts the programs back that were kept, and restarts the kubelet', async () => {
    const root = machine()
    await root.run('steps/kubelet.sh', work, 'v1.35.4')
    expect((await root.run('steps/restore-kubelet.sh', work)).exitCode).toBe(0)
    expect(versionIn(root, '/usr/bin')).toEqual(Array(3).fill('v1.34.4'))
    expect(root.calls().at(-1)).toBe('systemctl restart kubelet')
  })

  test('does nothing where none were kept', async () => {
    const root = machine()
    expect((await root.run('steps/restore-kubelet.sh', work)).exitCode).toBe(0)
    expect(root.calls()).toEqual([])
  })
})
