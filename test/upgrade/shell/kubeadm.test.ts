import { chmodSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { addKubectl, kubeconfig } from './kubectl.ts'
import { createRoot, type Root } from './rooted.ts'

const work = '/var/lib/work'
const backups = '/etc/kubernetes/tmp/kubeadm-backup-etcd'

// The kubelet's metrics of nine pods, so many of which it has looked at.
function kubeletSays(looks: number): string {
  const lines = ['kubelet_desired_pods{static=""} 5', 'kubelet_desired_pods{static="true"} 4']
  const count = (type: string, value: number) =>
    `kubelet_pod_worker_duration_seconds_count{operation_type="${type}"} ${value}`
  return `cat <<'METRICS'\n${[...lines, count('create', looks - 3), count('update', 3)].join('\n')}\nMETRICS`
}

// A machine with a staged kubeadm that does this, and with all manifests.
function machine(kubeadm = ''): Root {
  const root = createRoot()
  root.program(`${work}/bin/kubeadm`, kubeadm)
  root.program('/stand-ins/systemctl')
  root.program('/stand-ins/sleep')
  root.program('/stand-ins/curl', kubeletSays(9))
  for (const name of ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler']) {
    root.write(`/etc/kubernetes/manifests/${name}.yaml`, '')
  }
  mkdirSync(root.path('/etc/kubernetes/tmp'), { recursive: true })
  addKubectl(root, `${work}/bin/kubectl`)
  root.write('/etc/kubernetes/kubelet.conf', kubeconfig('here'))
  return root
}

describe.skipIf(process.platform !== 'linux')('kubeadm.sh', () => {
  test.each(['worker', 'control-plane'])('runs the staged kubeadm on a %s and marks its success', async (role) => {
    const root = machine()
    expect((await root.run('steps/kubeadm.sh', work, role, '-', '-', '{}', '--one=1', '--two=a b')).exitCode).toBe(0)
    expect(root.calls()).toEqual(['kubeadm upgrade node --one=1 --two=a b'])
    expect(root.has(`${work}/kubeadm.done`)).toBe(true)
  })

  test('gives kubeadm the configuration as it is', async () => {
    const root = machine(`cp ${work}/upgrade.yaml ${work}/seen`)
    const configuration = '{"a":"$(reboot) %s \\n"}'
    await root.run('steps/kubeadm.sh', work, 'control-plane', '-', '-', configuration)
    expect(root.read(`${work}/seen`)).toBe(`${configuration}\n`)
  })

  test.each(['worker', 'control-plane'])('starts nothing on a %s without the directory of patches', async (role) => {
    const root = machine()
    root.write('/etc/kubernetes/patches', 'a file')
    for (const other of ['-', 'cp-2']) {
      const { exitCode } = await root.run('steps/kubeadm.sh', work, role, other, '/etc/kubernetes/patches', '{}')
      expect(exitCode).toBe(47)
    }
    expect(root.calls()).toEqual([])
  })

  test('runs kubeadm where the directory of patches is there', async () => {
    const root = machine()
    root.write('/etc/kubernetes/patches/etcd.json', '{}')
    const { exitCode } = await root.run('steps/kubeadm.sh', work, 'worker', '-', '/etc/kubernetes/patches', '{}')
    expect(exitCode).toBe(0)
    expect(root.calls()).toEqual(['kubeadm upgrade node'])
  })

  const kubelet = '/etc/kubernetes/kubelet.conf'
  const client = '/etc/kubernetes/pki/apiserver-kubelet-client'
  const asked = `curl -sk -m 3 --noproxy * --cert ${client}.crt --key ${client}.key https://127.0.0.1:10250/metrics`

  test('lets the kubelet talk to another API server while kubeadm runs, and to its own again', async () => {
    const root = machine(`cat ${kubelet} >${work}/seen`)
    for (const _ of ['a first attempt', 'a second one']) {
      expect((await root.run('steps/kubeadm.sh', work, 'control-plane', 'cp-2', '-', '{}')).exitCode).toBe(0)
      expect(root.read(`${work}/seen`)).toBe(kubeconfig('cp-2'))
      expect(root.read(kubelet)).toBe(kubeconfig('here'))
    }
    const one = ['systemctl restart kubelet', asked, 'kubeadm upgrade node', 'systemctl restart kubelet']
    expect(root.calls()).toEqual([...one, ...one])
  })

  test('gives the restarted kubelet time to look at each of its pods before one is taken away from it', async () => {
    const root = machine()
    root.program('/stand-ins/sleep', `cp /var/later /var/now`)
    root.write('/var/now', kubeletSays(8))
    root.write('/var/later', kubeletSays(9))
    root.program('/stand-ins/curl', `. /var/now`)
    expect((await root.run('steps/kubeadm.sh', work, 'control-plane', 'cp-2', '-', '{}')).exitCode).toBe(0)
    expect(root.calls().slice(0, 5)).toEqual([
      'systemctl restart kubelet',
      asked,
      'sleep 1',
      asked,
      'kubeadm upgrade node',
    ])
  })

  test('goes on without it when the kubelet does not answer for a minute', async () => {
    const root = machine()
    root.program('/stand-ins/curl', 'exit 7')
    expect((await root.run('steps/kubeadm.sh', work, 'control-plane', 'cp-2', '-', '{}')).exitCode).toBe(0)
    expect(root.calls().filter((call) => call === 'sleep 1')).toHaveLength(60)
    expect(root.calls()).toContain('kubeadm upgrade node')
  })

  test('leaves the kubelet to kubeadm when that has changed whom it talks to', async () => {
    const root = machine(`sed -i s/cp-2/127.0.0.1/ ${kubelet}`)
    expect((await root.run('steps/kubeadm.sh', work, 'control-plane', 'cp-2', '-', '{}')).exitCode).toBe(0)
    expect(root.read(kubelet)).toBe(kubeconfig('127.0.0.1'))
    expect(root.calls()).toEqual(['systemctl restart kubelet', asked, 'kubeadm upgrade node'])
  })

  test('gives the kubelet its own API server back when kubeadm fails', async () => {
    const root = machine('exit 3')
    expect((await root.run('steps/kubeadm.sh', work, 'control-plane', 'cp-2', '-', '{}')).exitCode).toBe(3)
    expect(root.read(kubelet)).toBe(kubeconfig('here'))
  })

  // A machine on which an attempt was cut off while the kubelet had another API server, or just after.
  function cutOff(now: string): Root {
    const root = machine()
    root.write(`${work}/kubelet.conf.own`, kubeconfig('here'))
    root.write(`${work}/kubelet.conf.detour`, kubeconfig('cp-3'))
    root.write(kubelet, kubeconfig(now))
    return root
  }

  test('takes back what an attempt that was cut off has left', async () => {
    const root = cutOff('cp-3')
    root.program(`${work}/bin/kubeadm`, `cat ${kubelet} >${work}/seen`)
    expect((await root.run('steps/kubeadm.sh', work, 'control-plane', 'cp-2', '-', '{}')).exitCode).toBe(0)
    expect(root.read(`${work}/seen`)).toBe(kubeconfig('cp-2'))
    expect(root.read(kubelet)).toBe(kubeconfig('here'))
  })

  test.each(['cp-3', 'here'])('does so where no other serves any more, at %s', async (now) => {
    const root = cutOff(now)
    expect((await root.run('steps/kubeadm.sh', work, 'control-plane', '-', '-', '{}')).exitCode).toBe(0)
    expect(root.read(kubelet)).toBe(kubeconfig('here'))
    // The attempt may have been cut off between the file and the restart.
    expect(root.calls()).toEqual(['systemctl restart kubelet', 'kubeadm upgrade node'])
  })

  test('keeps what kubeadm has made of the kubeconfig in an attempt that was cut off', async () => {
    const root = cutOff('127.0.0.1')
    expect((await root.run('steps/kubeadm.sh', work, 'control-plane', 'cp-2', '-', '{}')).exitCode).toBe(0)
    expect(root.read(kubelet)).toBe(kubeconfig('127.0.0.1'))
  })

  test('goes on where kubectl was cut off, which leaves a lock file and half a kubeconfig', async () => {
    const root = machine()
    root.write(`${work}/edit/kubelet.conf.lock`, '')
    root.write(`${work}/edit/kubelet.conf`, '')
    root.write(`${work}/kubelet.conf.own.new`, '')
    expect((await root.run('steps/kubeadm.sh', work, 'control-plane', 'cp-2', '-', '{}')).exitCode).toBe(0)
    expect(root.read(kubelet)).toBe(kubeconfig('here'))
    expect(root.has(`${work}/edit`)).toBe(false)
  })

  test('keeps the mode of the kubeconfig, on the detour and after it', async () => {
    const root = machine(`stat -c %a ${kubelet} >${work}/seen`)
    chmodSync(root.path(kubelet), 0o640)
    expect((await root.run('steps/kubeadm.sh', work, 'control-plane', 'cp-2', '-', '{}')).exitCode).toBe(0)
    expect(root.read(`${work}/seen`)).toBe('640\n')
    expect(statSync(root.path(kubelet)).mode & 0o777).toBe(0o640)
  })

  test('gives the kubelet its own API server back when its unit is stopped', async () => {
    const root = machine('kill -TERM $PPID; exit 143')
    expect((await root.run('steps/kubeadm.sh', work, 'control-plane', 'cp-2', '-', '{}')).exitCode).toBe(143)
    expect(root.read(kubelet)).toBe(kubeconfig('here'))
  })

  test.each(['worker', 'control-plane'])('leaves the kubelet of a %s alone where there is no other', async (role) => {
    const root = machine()
    await root.run('steps/kubeadm.sh', work, role, '-', '-', '{}')
    expect(root.read(kubelet)).toBe(kubeconfig('here'))
    expect(root.calls()).toEqual(['kubeadm upgrade node'])
  })

  test('ends as kubeadm does, and marks nothing, when kubeadm fails', async () => {
    const root = machine('exit 3')
    expect((await root.run('steps/kubeadm.sh', work, 'worker', '-', '-', '{}')).exitCode).toBe(3)
    expect(root.has(`${work}/kubeadm.done`)).toBe(false)
  })

  test('does not run kubeadm on a control plane that lacks a manifest, which kubeadm would take for a worker', async () => {
    const root = machine()
    root.remove('/etc/kubernetes/manifests/kube-apiserver.yaml')
    expect((await root.run('steps/kubeadm.sh', work, 'control-plane', '-', '-', '{}')).exitCode).toBe(46)
    expect(root.calls()).toEqual([])
  })
})

describe.skipIf(process.platform !== 'linux')('tidy.sh', () => {
  test('removes the copies of etcd that our runs of kubeadm made, and no other', async () => {
    const root = machine('mkdir -p /etc/kubernetes/tmp/kubeadm-backup-etcd-$(ls /etc/kubernetes/tmp | wc -l)')
    root.write(`${backups}-0/member/wal`, 'from before')
    await root.run('steps/kubeadm.sh', work, 'control-plane', '-', '-', '{}')
    // A second attempt does not take the first one's copy for an old one.
    await root.run('steps/kubeadm.sh', work, 'control-plane', '-', '-', '{}')
    expect([1, 2].map((n) => root.has(`${backups}-${n}`))).toEqual([true, true])
    expect((await root.run('steps/tidy.sh', work, 'cp-1', 'unit-a', 'unit-b')).exitCode).toBe(0)
    expect([0, 1, 2].map((n) => root.has(`${backups}-${n}`))).toEqual([true, false, false])
    expect(root.has(work)).toBe(false)
    expect(root.has(`${work}.old`)).toBe(false)
    expect(root.calls().filter((call) => call.startsWith('systemctl'))).toEqual([
      'systemctl stop unit-a',
      'systemctl reset-failed unit-a',
      'systemctl stop unit-b',
      'systemctl reset-failed unit-b',
    ])
  })

  test.each([
    ['kubeadm never ran for us', ''],
    ['only a list of the work directory is there', `${work}/etcd-backups.before`],
  ])('removes no copy of etcd where %s', async (_, list) => {
    const root = machine()
    if (list !== '') root.write(list, '')
    root.write(`${backups}-0/member/wal`, 'from before')
    await root.run('steps/tidy.sh', work, 'cp-1')
    expect(root.has(`${backups}-0`)).toBe(true)
    expect(root.has(work)).toBe(false)
  })

  test('removes the copies of etcd of a run that failed, and of one that was stopped', async () => {
    const root = machine(`mkdir ${backups}-7; kill -TERM $PPID; exit 1`)
    expect((await root.run('steps/kubeadm.sh', work, 'control-plane', '-', '-', '{}')).exitCode).toBe(1)
    await root.run('steps/tidy.sh', work, 'cp-1')
    expect(root.has(`${backups}-7`)).toBe(false)
  })

  test('removes the copies of etcd of an attempt that another one has replaced', async () => {
    const root = machine(`mkdir ${backups}-7; exit 1`)
    await root.run('steps/kubeadm.sh', work, 'control-plane', '-', '-', '{}')
    rmSync(root.path(work), { recursive: true })
    await root.run('steps/tidy.sh', work, 'cp-1')
    expect(root.has(`${backups}-7`)).toBe(false)
    expect(root.has('/var/lib/leftovers')).toBe(false)
  })

  // The unit and everything in it is killed, as by systemd or with the container.
  const killedMidway = `mkdir -p ${backups}-7/member /etc/kubernetes/tmp/kubeadm-upgraded-manifests7; kill -KILL $PPID`

  test('removes what a run that was killed has left, and nothing from before it', async () => {
    const root = machine(killedMidway)
    root.write(`${backups}-0/member/wal`, 'from before')
    expect((await root.run('steps/kubeadm.sh', work, 'control-plane', '-', '-', '{}')).exitCode).not.toBe(0)
    expect((await root.run('steps/tidy.sh', work, 'cp-1')).exitCode).toBe(0)
    expect(readdirSync(root.path('/etc/kubernetes/tmp'))).toEqual(['kubeadm-backup-etcd-0'])
    expect(readdirSync(root.path('/var/lib'))).not.toContain('leftovers')
  })

  test('removes it also where another run has come between', async () => {
    const root = machine(killedMidway)
    root.write(`${backups}-0/member/wal`, 'from before')
    await root.run('steps/kubeadm.sh', work, 'control-plane', '-', '-', '{}')
    root.program(`${work}/bin/kubeadm`, `mkdir ${backups}-8`)
    expect((await root.run('steps/kubeadm.sh', work, 'control-plane', '-', '-', '{}')).exitCode).toBe(0)
    await root.run('steps/tidy.sh', work, 'cp-1')
    expect(readdirSync(root.path('/etc/kubernetes/tmp'))).toEqual(['kubeadm-backup-etcd-0'])
  })

  test('trusts no list of what was there before that was cut off', async () => {
    const root = machine()
    root.write(`${backups}-0/member/wal`, 'from before')
    root.write('/var/lib/leftovers/before.new/kubeadm-backup-etcd-9', '')
    await root.run('steps/tidy.sh', work, 'cp-1')
    expect(root.has(`${backups}-0`)).toBe(true)
    expect(root.has('/var/lib/leftovers')).toBe(false)
  })

  test('leaves what others made while no kubeadm of ours ran', async () => {
    const root = machine()
    await root.run('steps/kubeadm.sh', work, 'control-plane', '-', '-', '{}')
    root.write(`${backups}-by-hand/member/wal`, '')
    await root.run('steps/kubeadm.sh', work, 'control-plane', '-', '-', '{}')
    await root.run('steps/tidy.sh', work, 'cp-1')
    expect(root.has(`${backups}-by-hand`)).toBe(true)
  })

  test('goes on although units and what was moved away before are in the way', async () => {
    const root = machine()
    root.program('/stand-ins/systemctl', 'exit 5')
    root.write(`${work}.old/bin/kubeadm`, '')
    expect((await root.run('steps/tidy.sh', work, 'cp-1', 'unit-a')).exitCode).toBe(0)
    expect([root.has(work), root.has(`${work}.old`)]).toEqual([false, false])
  })

  test('removes what runs that were cut off have moved away, whatever the version', async () => {
    const root = machine()
    for (const version of ['v1.34.4', 'v1.35.4']) root.write(`/var/lib/upgrader/${version}.old/bin/kubeadm`, '')
    root.write('/var/lib/upgrader/history.jsonl', '')
    expect((await root.run('steps/tidy.sh', '/var/lib/upgrader/v1.35.4', 'cp-1')).exitCode).toBe(0)
    expect(readdirSync(root.path('/var/lib/upgrader'))).toEqual(['history.jsonl'])
  })
})
