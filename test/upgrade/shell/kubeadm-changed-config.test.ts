import { describe, expect, test } from 'vitest'
import { machine, work } from './kubeadm-machine.ts'
import { kubeconfig } from './kubectl.ts'
import type { Root } from './rooted.ts'

describe.skipIf(process.platform !== 'linux')('kubeadm.sh, where kubeadm-config was changed meanwhile', () => {
  const run = (root: Root, role: string) =>
    root.run('steps/kubeadm.sh', work, role, '-', '-', '{}', 'v1.35.4', '--one=1')

  test.each(['v1.35.5', '"v1.35.5"', '1.35.5', "'1.36.0'"])('does not start kubeadm for %s', async (version) => {
    const root = machine()
    root.write('/var/cluster-configuration', `apiServer: {}\nkubernetesVersion: ${version}\n`)
    expect((await run(root, 'control-plane')).exitCode).toBe(48)
    expect(root.calls()).toEqual([])
    expect(root.has(`${work}/kubeadm.done`)).toBe(false)
  })

  test('gives the kubelet its own API server back where it does not start kubeadm', async () => {
    const root = machine()
    root.write('/var/cluster-configuration', 'kubernetesVersion: v1.35.5\n')
    const { exitCode } = await root.run('steps/kubeadm.sh', work, 'control-plane', 'cp-2', '-', '{}', 'v1.35.4')
    expect(exitCode).toBe(48)
    expect(root.read('/etc/kubernetes/kubelet.conf')).toBe(kubeconfig('here'))
    expect(root.calls().filter((call) => call.startsWith('systemctl'))).toEqual(
      Array(2).fill('systemctl restart kubelet'),
    )
    expect(root.calls().filter((call) => call.startsWith('kubeadm'))).toEqual([])
  })

  test.each(['v1.35.4', '"v1.35.4"', '1.35.4'])('starts it for its own version, as %s', async (version) => {
    const root = machine()
    root.write('/var/cluster-configuration', `kubernetesVersion: ${version}\n`)
    expect((await run(root, 'control-plane')).exitCode).toBe(0)
    expect(root.calls()).toEqual(['kubeadm upgrade node --one=1'])
  })

  test('leaves static pods alone that were exchanged before', async () => {
    const root = machine()
    root.write('/var/cluster-configuration', 'kubernetesVersion: v1.35.5\n')
    root.write(`${work}/exchanged`, '')
    for (const name of ['kube-apiserver', 'kube-scheduler']) root.write(`${work}/rendered/${name}.yaml`, '')
    expect((await run(root, 'control-plane')).exitCode).toBe(0)
    expect(root.calls()).toEqual(['kubeadm upgrade node --one=1 --skip-phases=control-plane'])
    expect(root.has(`${work}/kubeadm.moved`)).toBe(false)
  })

  test('does not matter to a worker, which takes nothing of its version from there', async () => {
    const root = machine()
    root.write('/var/cluster-configuration', 'kubernetesVersion: v1.36.0\n')
    expect((await run(root, 'worker')).exitCode).toBe(0)
  })
})
