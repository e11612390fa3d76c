import { describe, expect, test } from 'vitest'
import { createRoot, type Root } from './rooted.ts'

describe.skipIf(process.platform !== 'linux')('space.sh', () => {
  // MiB that are free at a path, and that etcd has.
  function machine(free: Record<string, number>, etcd = 0): Root {
    const root = createRoot()
    for (const place of Object.keys(free)) root.write(`${place}/x`, '')
    const cases = Object.entries(free).map(([place, mebibytes]) => `*${place}) free=${mebibytes} ;;`)
    root.program(
      '/stand-ins/df',
      `case $2 in ${cases.join(' ')} esac; echo head; echo "disk 1 1 $((free * 1024)) 1% $2"`,
    )
    root.program('/stand-ins/du', `printf '${etcd}\\t%s\\n' "$2"`)
    if (etcd > 0) root.write('/var/lib/etcd/member/wal', '')
    return root
  }
  const plenty = { '/var/lib/capd-kubeadm-upgrader': 1000, '/var/lib/containerd': 1000, '/etc/kubernetes/tmp': 1000 }

  test('says nothing where there is enough', async () => {
    expect(await machine(plenty).run('steps/space.sh', '1000')).toEqual({ exitCode: 0, stdout: '' })
  })

  test.each(Object.keys(plenty))('names %s when it has too little, and how much it needs', async (place) => {
    const { stdout } = await machine({ ...plenty, [place]: 999 }).run('steps/space.sh', '1000')
    expect(stdout).toBe(`${place} 1000`)
  })

  test("counts the copy that kubeadm makes of etcd's data", async () => {
    const { stdout } = await machine({ ...plenty, '/etc/kubernetes/tmp': 1199 }, 200).run('steps/space.sh', '1000')
    expect(stdout).toBe('/etc/kubernetes/tmp 1200')
  })

  test('fails, rather than find enough, where df gives no answer', async () => {
    const root = machine(plenty)
    root.program('/stand-ins/df', 'echo "df: no file systems processed" >&2; exit 1')
    expect((await root.run('steps/space.sh', '1000')).exitCode).not.toBe(0)
  })

  test('asks the nearest directory above where a place is not there yet', async () => {
    const { stdout } = await machine({ '/var/lib': 999, '/etc/kubernetes': 2000 }).run('steps/space.sh', '1000')
    expect(stdout).toBe('/var/lib/capd-kubeadm-upgrader 1000')
  })
})

describe.skipIf(process.platform !== 'linux')('facts.sh', () => {
  const facts = '../machine/facts.sh'

  function machine(pid: number): Root {
    const root = createRoot()
    const started = 'Thu 2026-01-01 00:00:00 UTC'
    const values = `*MainPID*) echo ${pid} ;; *NRestarts*) echo 3 ;; *Timestamp*) echo "${started}" ;;`
    root.program('/stand-ins/systemctl', `case $3 in ${values} esac`)
    root.program('/stand-ins/curl', 'printf ok')
    // Its file was replaced: what runs is still the old one.
    root.program(`/proc/${pid}/exe`, 'echo "Kubernetes v1.34.4"')
    root.program('/usr/bin/kubelet', 'echo "Kubernetes v1.35.4"')
    root.program('/stand-ins/ctr', listings)
    return root
  }

  const digest = `sha256:${'a'.repeat(64)}`
  const listings = `case "$3 $4" in
"images ls")
  echo "REF TYPE DIGEST SIZE PLATFORMS LABELS"
  echo "registry.k8s.io/etcd:3.6.5-0 application/json ${digest} 21 MiB linux/amd64 -"
  echo "${digest} application/json ${digest} 21 MiB linux/amd64 -" ;;
"tasks ls")
  echo "TASK PID STATUS"; echo "aaa 1 RUNNING"; echo "bbb 2 STOPPED" ;;
"containers ls")
  echo "CONTAINER IMAGE RUNTIME"
  echo "aaa registry.k8s.io/etcd:3.6.5-0 io.containerd.runc.v2"
  echo "bbb registry.k8s.io/etcd:3.6.4-0 io.containerd.runc.v2"
  echo "ccc registry.k8s.io/pause:3.10 io.containerd.runc.v2" ;;
esac`

  test('tells what runs: processes, containers whose task runs, and names of images with their digest', async () => {
    const root = machine(712)
    root.write(
      '/etc/kubernetes/manifests/etcd.yaml',
      'spec:\n  - name: etcd\n    image: registry.k8s.io/etcd:3.6.5-0\n',
    )
    const { stdout, exitCode } = await root.run(facts)
    expect(exitCode).toBe(0)
    expect(stdout.split('\n')).toEqual([
      'kubelet.pid=712',
      'kubelet.restarts=3',
      'kubelet.version=v1.34.4',
      'kubelet.since=1767225600',
      'kubelet.healthz=ok',
      'manifest.etcd=registry.k8s.io/etcd:3.6.5-0',
      `digest.registry.k8s.io/etcd:3.6.5-0=${digest}`,
      'container.aaa=registry.k8s.io/etcd:3.6.5-0',
    ])
  })

  test('tells no version of a kubelet that does not run', async () => {
    const { stdout, exitCode } = await machine(0).run(facts)
    expect(exitCode).toBe(0)
    expect(stdout.split('\n').slice(0, 2)).toEqual(['kubelet.pid=0', 'kubelet.restarts=3'])
    expect(stdout).not.toContain('kubelet.version')
  })
})
