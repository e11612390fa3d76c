import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type MachineHost, stateDirectory } from '../../../src/machine/machine.ts'
import type { Section } from '../../../src/machine/observation.ts'
import { observe } from '../../../src/machine/observe.ts'
import { startQuickLab } from '../../fake-docker/lab.ts'
import { old } from '../../fake-docker/release.ts'
import type { Root } from '../../upgrade/shell/rooted.ts'
import { digestIn, recordPath, unit, work } from './changes.ts'
import { mirrorOf } from './mirror.ts'
import { leftIn, realMachine } from './real-machine.ts'
import { addUnit } from './systemd.ts'

const sections: Section[] = ['host', 'kubelet', 'pods', 'manifests', 'units', 'work', 'space', 'etcd']
const hostile = '"\\ \' $(reboot) `reboot` %s \u0001\u001b[31m\u007f\ttab\r\nline two\n\n}{,":é\u2028\n'
const manifests = '/etc/kubernetes/manifests'

// A control plane machine on which everything is well, changed like this, as one whole observation finds it.
async function observed(prepare: (root: Root) => void, role: MachineHost['role'] = 'control-plane') {
  const name = role === 'worker' ? 'w-1' : 'cp-1'
  const root = mirrorOf(startQuickLab('cp-1', 'w-1'), name)
  prepare(root)
  const observation = await observe(realMachine(root, role), { sections })
  expect(leftIn(root, '/run')).toEqual([])
  return { root, observation }
}

// A program that has no limit of its own runs until the test's limit ends all; one that has reaches it at once.
const hangingAt = (program: string) => `
case $3:$4 in *:sh) ;; *${program}) exit 124 ;; esac
exec "$(PATH=\${PATH#*:}; command -v timeout)" "$@"`

const pipe = (root: Root, path: string) => {
  root.write(`${path}.x`, '')
  execFileSync('mkfifo', [root.path(path)])
}

describe.skipIf(process.platform !== 'linux')('whatever a file holds, observe.sh prints one document', () => {
  test('a record of any characters arrives as it is', async () => {
    const { root, observation } = await observed(({ write }) => write(recordPath, hostile))
    expect(observation.record).toBe(hostile)
    expect(observation.recordDigest).toBe(digestIn(root))
  })

  test('a record of 5 MB is cut, and its digest is that of all of it', async () => {
    const { root, observation } = await observed(({ write }) => write(recordPath, 'x'.repeat(5_000_000)))
    expect(observation.record).toHaveLength(1024 * 1024)
    expect(observation.recordDigest).toBe(digestIn(root))
  })

  test.each<[string, (root: Root) => void]>([
    ['a pipe', (root) => pipe(root, recordPath)],
    ['a directory', (root) => void mkdirSync(root.path(recordPath), { recursive: true })],
    [
      'a link to nothing',
      (root) => [root.write(`${recordPath}.x`, ''), symlinkSync('/nowhere', root.path(recordPath))],
    ],
    [
      'a link to a device without end',
      (root) => [root.write(`${recordPath}.x`, ''), symlinkSync('/dev/zero', root.path(recordPath))],
    ],
  ])('a record that is %s counts as none', async (_, prepare) => {
    const { observation } = await observed(prepare)
    expect(observation).toMatchObject({ record: '', recordDigest: '' })
  })

  test('manifests of any name and content leave those of kubeadm readable', async () => {
    const { observation } = await observed((root) => {
      const names = [
        '-rf',
        'two words.yaml',
        'a\nb.yaml',
        '"quoted".yaml',
        "it's.yaml",
        '$(reboot).yaml',
        'é.yaml',
        '*',
      ]
      for (const name of names) root.write(`${manifests}/${name}`, hostile)
      root.write(`${manifests}/binary.yaml`, '\0\u0001\ufffd')
      root.write(`${manifests}/large.yaml`, '# filling\n'.repeat(300_000))
      root.write(`${manifests}/empty.yaml`, '')
      mkdirSync(root.path(`${manifests}/directory.yaml`))
      symlinkSync('/nowhere', root.path(`${manifests}/link.yaml`))
      pipe(root, `${manifests}/pipe.yaml`)
    })
    expect(observation.manifests.get('kube-apiserver')).toMatchObject({
      image: `registry.k8s.io/kube-apiserver:${old}`,
    })
    expect(observation.manifests.get('etcd')?.image).toMatch(/^registry.k8s.io\/etcd:/)
    expect(observation.manifests.get('empty')).toMatchObject({ image: undefined })
    for (const name of ['directory', 'link', 'pipe']) expect(observation.manifests.has(name)).toBe(false)
  })

  test.each([
    'kube-apiserver.yaml~',
    'kube-apiserver.ya ml',
    'kube-apiserver.yml',
    'kube-apiserver.json',
    'kube-apiserver',
    '.kube-apiserver.yaml',
  ])("a copy at %s is not taken for kubeadm's manifest", async (copy) => {
    const { observation } = await observed(({ write }) =>
      write(`${manifests}/${copy}`, 'spec: {containers: [{image: "registry.k8s.io/kube-apiserver:v1.1.1"}]}'),
    )
    expect(observation.manifests.get('kube-apiserver')).toMatchObject({
      image: `registry.k8s.io/kube-apiserver:${old}`,
    })
  })

  test('a pipe in the place of a manifest is no manifest, and is not used to probe etcd', async () => {
    const { observation } = await observed((root) => {
      root.remove(`${manifests}/etcd.yaml`)
      pipe(root, `${manifests}/etcd.yaml`)
    })
    expect(observation.manifests.has('etcd')).toBe(false)
    expect(observation).toMatchObject({ etcdHealthy: undefined, hasEtcdData: true })
  })

  test('a work directory and notes of any kind', async () => {
    const { observation } = await observed((root) => {
      root.write(`${work}/key`, `v1.35.4\n`)
      for (const name of ['bin/x', ' two words', '-n', '$(reboot)', '"']) root.write(`${work}/${name}`, 'x')
      pipe(root, `${work}/images.list`)
      root.write(`${stateDirectory}/files/applied/etc/x`, 'digest\n')
      root.write(`${stateDirectory}/files/applied/etc/binary`, '\0\u0001\n')
      pipe(root, `${stateDirectory}/files/applied/etc/pipe`)
    })
    expect(observation.work).toMatchObject({ key: 'v1.35.4', neededImages: undefined })
    expect([...observation.work.entries]).toEqual(expect.arrayContaining(['bin', ' two words', '-n', '$(reboot)', '"']))
    expect(observation.work.appliedFiles.get('/etc/x')).toBe('digest')
  })

  test('a CA that is a pipe is none', async () => {
    const { observation } = await observed((root) => {
      root.remove('/etc/kubernetes/pki/ca.crt')
      pipe(root, '/etc/kubernetes/pki/ca.crt')
    })
    expect(observation.ca).toBe('')
  })
})

describe.skipIf(process.platform !== 'linux')('whatever a program does, observe.sh prints one document', () => {
  const all = ['systemctl', 'ctr', 'curl', 'df', 'du', 'journalctl', 'kubectl']

  test.each(all)('%s fails with hostile words', async (program) => {
    const { observation } = await observed((root) => {
      root.write('/hostile', hostile)
      root.program(`/stand-ins/${program}`, 'cat "$MACHINE_ROOT/hostile" >&2; exit 1')
    })
    expect(observation.bootId).toBe('boot-1')
  })

  test.each(all)('%s prints hostile words', async (program) => {
    const { observation } = await observed((root) => {
      root.write('/hostile', hostile)
      root.program(`/stand-ins/${program}`, 'cat "$MACHINE_ROOT/hostile"')
    })
    expect(observation.bootId).toBe('boot-1')
  })

  test('systemd that does not answer is no kubelet and no unit', async () => {
    const { observation } = await observed((root) => root.program('/stand-ins/systemctl', 'exit 1'))
    expect(observation.kubelet).toMatchObject({ pid: 0, version: '', healthy: false })
    expect(observation.units).toEqual([])
  })

  test('a log of any length is cut', async () => {
    const { observation } = await observed((root) => {
      addUnit(root, unit, { active: 'failed', sub: 'failed' })
      root.program('/stand-ins/journalctl', 'head -c 3000000 /dev/zero | tr "\\0" x')
    })
    expect(observation.unitLog).toHaveLength(1024 * 1024)
  })

  test('the log is that of the present run of the units that failed', async () => {
    const { root, observation } = await observed((root) => {
      addUnit(root, 'capd-kubeadm-upgrader-images', { active: 'active', sub: 'exited', invocationId: 'run-7' })
      addUnit(root, unit, { active: 'failed', sub: 'failed', invocationId: 'run-8' })
      root.program('/stand-ins/journalctl', 'echo "log of $2"')
    })
    expect(observation.unitLog).toBe('log of _SYSTEMD_INVOCATION_ID=run-8')
    expect(root.calls().filter((call) => call.includes('INVOCATION_ID'))).toHaveLength(1)
  })

  test('a kubelet whose file was replaced is known by its process', async () => {
    const { observation } = await observed((root) => root.program('/usr/bin/kubelet', 'echo "Kubernetes v1.99.0"'))
    expect(observation.kubelet.version).toBe(old)
  })

  test('a process that ends meanwhile is no container that runs', async () => {
    const { observation } = await observed((root) => root.remove('/proc/1000'))
    const whole = await observed(() => {})
    expect(observation.pods?.containers).toHaveLength((whole.observation.pods?.containers.length ?? 0) - 1)
  })

  test('no temporary file can be made: the rest is observed all the same', async () => {
    const { observation } = await observed((root) => root.program('/stand-ins/mktemp', 'exit 1'))
    expect(observation.kubelet).toMatchObject({ version: old, healthy: true })
    expect(observation.pods).toBeDefined()
  })

  test.each([
    '/stand-ins/ctr',
    '/stand-ins/df',
    '/stand-ins/du',
    '/stand-ins/journalctl',
    '/stand-ins/kubectl',
    '/stand-ins/systemctl',
    '/proc/700/exe',
  ])('%s hangs', async (program) => {
    const root = mirrorOf(startQuickLab('cp-1'), 'cp-1')
    addUnit(root, unit, { active: 'failed', sub: 'failed' })
    root.program(program, 'sleep 600')
    root.program('/stand-ins/timeout', hangingAt(program.split('/').at(-1) ?? ''))
    const observation = await observe(realMachine(root, 'control-plane'), { sections, api: ['/version'] })
    expect(observation.bootId).toBe('boot-1')
  })

  test('an observation that is ended leaves nothing behind', async () => {
    const root = mirrorOf(startQuickLab('cp-1'), 'cp-1')
    root.program('/stand-ins/curl', 'kill -TERM 0')
    await expect(observe(realMachine(root, 'control-plane'), { sections })).rejects.toMatchObject({
      code: 'EXEC_FAILED',
    })
    expect(leftIn(root, '/run')).toEqual([])
  })

  test('nothing in the machine is changed', async () => {
    const { root } = await observed((found) => found.write(recordPath, 'x'))
    const changing =
      /^(systemctl (stop|start|restart|reset)|systemd-run|kubectl .*(apply|create|delete|edit|patch|set-))/
    expect(root.calls().filter((call) => changing.test(call))).toEqual([])
    expect(leftIn(root, stateDirectory)).toEqual(['attempt.json'])
  })
})
