import { mkdirSync, utimesSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { createRoot, type Root } from './rooted.ts'

const pods = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'etcd']
const manifest = (pod: string) => `/etc/kubernetes/manifests/${pod}.yaml`

// A control plane machine with etcd, and with these manifests.
function machine(present: string[]): Root {
  const root = createRoot()
  mkdirSync(root.path('/var/lib/etcd/member'), { recursive: true })
  mkdirSync(root.path('/etc/kubernetes/manifests'), { recursive: true })
  for (const pod of present) root.write(manifest(pod), `image: ${pod}:now`)
  return root
}

function backUp(root: Root, name: string, pod: string, seconds: number): void {
  const path = `/etc/kubernetes/tmp/kubeadm-backup-manifests-${name}/${pod}.yaml`
  root.write(path, `image: ${pod}:${name}`)
  utimesSync(root.path(path), seconds, seconds)
}

const without = (...missing: string[]) => pods.filter((pod) => !missing.includes(pod))

describe.skipIf(process.platform !== 'linux')('restore-manifests.sh', () => {
  test("puts the missing ones back from kubeadm's newest backups, and leaves the others", async () => {
    const root = machine(without('kube-apiserver', 'etcd'))
    for (const pod of pods) {
      backUp(root, 'a-newest', pod, 300)
      backUp(root, 'z-oldest', pod, 100)
    }
    expect(await root.run('steps/restore-manifests.sh')).toEqual({ exitCode: 0, stdout: '', stderr: '' })
    expect(pods.map((pod) => root.read(manifest(pod)))).toEqual([
      'image: kube-apiserver:a-newest',
      'image: kube-controller-manager:now',
      'image: kube-scheduler:now',
      'image: etcd:a-newest',
    ])
  })

  test('names the first that has no backup', async () => {
    const root = machine(without('kube-apiserver', 'kube-scheduler'))
    backUp(root, 'one', 'kube-apiserver', 100)
    expect((await root.run('steps/restore-manifests.sh')).stdout).toBe('kube-scheduler')
    expect(root.read(manifest('kube-apiserver'))).toBe('image: kube-apiserver:one')
    expect(root.has(manifest('kube-scheduler'))).toBe(false)
  })

  test('takes the newest backup that holds the manifest', async () => {
    const root = machine(without('etcd'))
    backUp(root, 'with', 'etcd', 100)
    backUp(root, 'without', 'kube-apiserver', 300)
    await root.run('steps/restore-manifests.sh')
    expect(root.read(manifest('etcd'))).toBe('image: etcd:with')
  })

  test("restores etcd's where its data is, wherever that is", async () => {
    const root = machine(without('etcd'))
    root.remove('/var/lib/etcd')
    backUp(root, 'one', 'etcd', 100)
    await root.run('steps/restore-manifests.sh')
    expect(root.has(manifest('etcd'))).toBe(false)
    mkdirSync(root.path('/var/lib/other/member'), { recursive: true })
    root.write(
      '/etc/kubernetes/tmp/kubeadm-backup-manifests-one/etcd.yaml',
      `- --data-dir=${root.path('/var/lib/other')}\n`,
    )
    await root.run('steps/restore-manifests.sh')
    expect(root.has(manifest('etcd'))).toBe(true)
  })
})
