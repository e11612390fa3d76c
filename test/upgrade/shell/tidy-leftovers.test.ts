import { readdirSync, rmSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { machine, work } from './kubeadm-machine.ts'

const backups = '/etc/kubernetes/tmp/kubeadm-backup-etcd'

describe.skipIf(process.platform !== 'linux')('tidy.sh', () => {
  test('removes the copies of etcd that our runs of kubeadm made, and no other', async () => {
    const root = machine('mkdir -p /etc/kubernetes/tmp/kubeadm-backup-etcd-$(ls /etc/kubernetes/tmp | wc -l)')
    root.write(`${backups}-0/member/wal`, 'from before')
    await root.run('steps/kubeadm.sh', work, 'control-plane', '-', '-', '{}', 'v1.35.4')
    // A second attempt does not take the first one's copy for an old one.
    await root.run('steps/kubeadm.sh', work, 'control-plane', '-', '-', '{}', 'v1.35.4')
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
    expect((await root.run('steps/kubeadm.sh', work, 'control-plane', '-', '-', '{}', 'v1.35.4')).exitCode).toBe(1)
    await root.run('steps/tidy.sh', work, 'cp-1')
    expect(root.has(`${backups}-7`)).toBe(false)
  })

  test('removes the copies of etcd of an attempt that another one has replaced', async () => {
    const root = machine(`mkdir ${backups}-7; exit 1`)
    await root.run('steps/kubeadm.sh', work, 'control-plane', '-', '-', '{}', 'v1.35.4')
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
    expect((await root.run('steps/kubeadm.sh', work, 'control-plane', '-', '-', '{}', 'v1.35.4')).exitCode).not.toBe(0)
    expect((await root.run('steps/tidy.sh', work, 'cp-1')).exitCode).toBe(0)
    expect(readdirSync(root.path('/etc/kubernetes/tmp'))).toEqual(['kubeadm-backup-etcd-0'])
    expect(readdirSync(root.path('/var/lib'))).not.toContain('leftovers')
  })

  test('removes it also where another run has come between', async () => {
    const root = machine(killedMidway)
    root.write(`${backups}-0/member/wal`, 'from before')
    await root.run('steps/kubeadm.sh', work, 'control-plane', '-', '-', '{}', 'v1.35.4')
    root.program(`${work}/bin/kubeadm`, `mkdir ${backups}-8`)
    expect((await root.run('steps/kubeadm.sh', work, 'control-plane', '-', '-', '{}', 'v1.35.4')).exitCode).toBe(0)
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
    await root.run('steps/kubeadm.sh', work, 'control-plane', '-', '-', '{}', 'v1.35.4')
    root.write(`${backups}-by-hand/member/wal`, '')
    await root.run('steps/kubeadm.sh', work, 'control-plane', '-', '-', '{}', 'v1.35.4')
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
