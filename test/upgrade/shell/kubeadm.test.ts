import { chmodSync, statSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { kubeletSays, machine, work } from './kubeadm-machine.ts'
import { kubeconfig } from './kubectl.ts'
import type { Root } from './rooted.ts'

describe.skipIf(process.platform !== 'linux')('kubeadm.sh', () => {
  test.each(['worker', 'control-plane'])('runs the staged kubeadm on a %s and marks its success', async (role) => {
    const root = machine()
    expect(
      (await root.run('steps/kubeadm.sh', work, role, '-', '-', '{}', 'v1.35.4', '--one=1', '--two=a b')).exitCode,
    ).toBe(0)
    expect(root.calls()).toEqual(['kubeadm upgrade node --one=1 --two=a b'])
    expect(root.has(`${work}/kubeadm.done`)).toBe(true)
  })

  test('gives kubeadm the configuration as it is', async () => {
    const root = machine(`cp ${work}/upgrade.yaml ${work}/seen`)
    const configuration = '{"a":"$(reboot) %s \\n"}'
    await root.run('steps/kubeadm.sh', work, 'control-plane', '-', '-', configuration, 'v1.35.4')
    expect(root.read(`${work}/seen`)).toBe(`${configuration}\n`)
  })

  test.each(['worker', 'control-plane'])('starts nothing on a %s without the directory of patches', async (role) => {
    const root = machine()
    root.write('/etc/kubernetes/patches', 'a file')
    for (const other of ['-', 'cp-2']) {
      const { exitCode } = await root.run(
        'steps/kubeadm.sh',
        work,
        role,
        other,
        '/etc/kubernetes/patches',
        '{}',
        'v1.35.4',
      )
      expect(exitCode).toBe(47)
    }
    expect(root.calls()).toEqual([])
  })

  test('runs kubeadm where the directory of patches is there', async () => {
    const root = machine()
    root.write('/etc/kubernetes/patches/etcd.json', '{}')
    const { exitCode } = await root.run(
      'steps/kubeadm.sh',
      work,
      'worker',
      '-',
      '/etc/kubernetes/patches',
      '{}',
      'v1.35.4',
    )
    expect(exitCode).toBe(0)
    expect(root.calls()).toEqual(['kubeadm upgrade node'])
  })

  const kubelet = '/etc/kubernetes/kubelet.conf'
  const client = '/etc/kubernetes/pki/apiserver-kubelet-client'
  const asked = `curl -sk -m 3 --noproxy * --write-out %{http_code} --cert ${client}.crt --key ${client}.key https://127.0.0.1:10250/metrics`

  test('lets the kubelet talk to another API server while kubeadm runs, and to its own again', async () => {
    const root = machine(`cat ${kubelet} >${work}/seen`)
    for (const _ of ['a first attempt', 'a second one']) {
      expect((await root.run('steps/kubeadm.sh', work, 'control-plane', 'cp-2', '-', '{}', 'v1.35.4')).exitCode).toBe(0)
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
    expect((await root.run('steps/kubeadm.sh', work, 'control-plane', 'cp-2', '-', '{}', 'v1.35.4')).exitCode).toBe(0)
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
    root.program('/stand-ins/curl', 'printf 000; exit 7')
    expect((await root.run('steps/kubeadm.sh', work, 'control-plane', 'cp-2', '-', '{}', 'v1.35.4')).exitCode).toBe(0)
    expect(root.calls().filter((call) => call === 'sleep 1')).toHaveLength(60)
    expect(root.calls()).toContain('kubeadm upgrade node')
  })

  test.each([401, 403])('goes on at once, and reports it, when the kubelet answers with %i', async (status) => {
    const root = machine()
    root.program('/stand-ins/curl', `printf 'Forbidden (user=kube-apiserver-kubelet-client)${status}'`)
    const { exitCode, stderr } = await root.run('steps/kubeadm.sh', work, 'control-plane', 'cp-2', '-', '{}', 'v1.35.4')
    expect({ exitCode, stderr }).toEqual({
      exitCode: 0,
      stderr: 'the kubelet does not allow reading its metrics, so nothing is waited for',
    })
    expect(root.calls().slice(0, 3)).toEqual(['systemctl restart kubelet', asked, 'kubeadm upgrade node'])
  })

  test('leaves the kubelet to kubeadm when that has changed whom it talks to', async () => {
    const root = machine(`sed -i s/cp-2/127.0.0.1/ ${kubelet}`)
    expect((await root.run('steps/kubeadm.sh', work, 'control-plane', 'cp-2', '-', '{}', 'v1.35.4')).exitCode).toBe(0)
    expect(root.read(kubelet)).toBe(kubeconfig('127.0.0.1'))
    expect(root.calls()).toEqual(['systemctl restart kubelet', asked, 'kubeadm upgrade node'])
  })

  test('gives the kubelet its own API server back when kubeadm fails', async () => {
    const root = machine('exit 3')
    expect((await root.run('steps/kubeadm.sh', work, 'control-plane', 'cp-2', '-', '{}', 'v1.35.4')).exitCode).toBe(3)
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
    expect((await root.run('steps/kubeadm.sh', work, 'control-plane', 'cp-2', '-', '{}', 'v1.35.4')).exitCode).toBe(0)
    expect(root.read(`${work}/seen`)).toBe(kubeconfig('cp-2'))
    expect(root.read(kubelet)).toBe(kubeconfig('here'))
  })

  test.each(['cp-3', 'here'])('does so where no other serves any more, at %s', async (now) => {
    const root = cutOff(now)
    expect((await root.run('steps/kubeadm.sh', work, 'control-plane', '-', '-', '{}', 'v1.35.4')).exitCode).toBe(0)
    expect(root.read(kubelet)).toBe(kubeconfig('here'))
    // The attempt may have been cut off between the file and the restart.
    expect(root.calls()).toEqual(['systemctl restart kubelet', 'kubeadm upgrade node'])
  })

  test('keeps what kubeadm has made of the kubeconfig in an attempt that was cut off', async () => {
    const root = cutOff('127.0.0.1')
    expect((await root.run('steps/kubeadm.sh', work, 'control-plane', 'cp-2', '-', '{}', 'v1.35.4')).exitCode).toBe(0)
    expect(root.read(kubelet)).toBe(kubeconfig('127.0.0.1'))
  })

  test('goes on where kubectl was cut off, which leaves a lock file and half a kubeconfig', async () => {
    const root = machine()
    root.write(`${work}/edit/kubelet.conf.lock`, '')
    root.write(`${work}/edit/kubelet.conf`, '')
    root.write(`${work}/kubelet.conf.own.new`, '')
    expect((await root.run('steps/kubeadm.sh', work, 'control-plane', 'cp-2', '-', '{}', 'v1.35.4')).exitCode).toBe(0)
    expect(root.read(kubelet)).toBe(kubeconfig('here'))
    expect(root.has(`${work}/edit`)).toBe(false)
  })

  test('keeps the mode of the kubeconfig, on the detour and after it', async () => {
    const root = machine(`stat -c %a ${kubelet} >${work}/seen`)
    chmodSync(root.path(kubelet), 0o640)
    expect((await root.run('steps/kubeadm.sh', work, 'control-plane', 'cp-2', '-', '{}', 'v1.35.4')).exitCode).toBe(0)
    expect(root.read(`${work}/seen`)).toBe('640\n')
    expect(statSync(root.path(kubelet)).mode & 0o777).toBe(0o640)
  })

  test('gives the kubelet its own API server back when its unit is stopped', async () => {
    const root = machine('kill -TERM $PPID; exit 143')
    expect((await root.run('steps/kubeadm.sh', work, 'control-plane', 'cp-2', '-', '{}', 'v1.35.4')).exitCode).toBe(143)
    expect(root.read(kubelet)).toBe(kubeconfig('here'))
  })

  test.each(['worker', 'control-plane'])('leaves the kubelet of a %s alone where there is no other', async (role) => {
    const root = machine()
    await root.run('steps/kubeadm.sh', work, role, '-', '-', '{}', 'v1.35.4')
    expect(root.read(kubelet)).toBe(kubeconfig('here'))
    expect(root.calls()).toEqual(['kubeadm upgrade node'])
  })

  test('ends as kubeadm does, and marks nothing, when kubeadm fails', async () => {
    const root = machine('exit 3')
    expect((await root.run('steps/kubeadm.sh', work, 'worker', '-', '-', '{}', 'v1.35.4')).exitCode).toBe(3)
    expect(root.has(`${work}/kubeadm.done`)).toBe(false)
  })

  test('does not run kubeadm on a control plane that lacks a manifest, which kubeadm would take for a worker', async () => {
    const root = machine()
    root.remove('/etc/kubernetes/manifests/kube-apiserver.yaml')
    expect((await root.run('steps/kubeadm.sh', work, 'control-plane', '-', '-', '{}', 'v1.35.4')).exitCode).toBe(46)
    expect(root.calls()).toEqual([])
  })
})
