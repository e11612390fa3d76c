import { expect, test } from 'vitest'
import type { Engine } from '../../src/machine/engine.ts'
import { type Lab, putAtTarget, startQuickLab, startWorkersLab } from '../fake-docker/lab.ts'
import type { SimulatedMachine } from '../fake-docker/machine.ts'
import { old, staticPodsOf, target } from '../fake-docker/release.ts'
import { begin, recordFile, recordOf, state, walk, when } from './walk.ts'

test.each([
  0, 1, 2, 3, 4, 5, 6, 7, 8,
])('a record that is lost %i s after the kubelet unit starts costs no more than another run of kubeadm', async (seconds) => {
  const lab = startWorkersLab('w-1')
  const { files, units } = lab.machine('w-1')
  const forget = units.forget.bind(units)
  const ended: string[] = []
  units.forget = (name) => {
    if (units.running.includes(name)) ended.push(name)
    forget(name)
  }
  const walks = [begin(lab, 'w-1'), begin(lab, 'w-1')]
  when(lab, 'w-1', 'start unit kubelet', () => lab.clock.after(seconds, () => files.delete(recordFile)))
  await Promise.all(walks.map((walk) => walk.ended))
  for (const { run } of walks) expect(run.progress.phase).toBe('Done')
  expect(units.starts.filter((name) => name.endsWith('-kubeadm')).length).toBeLessThanOrEqual(2)
  expect(ended).toEqual([])
})

test('a record that is lost while a kubelet that does not run is put in place costs no way back', async () => {
  const lab = startWorkersLab('w-1')
  const machine = lab.machine('w-1')
  const first = begin(lab, 'w-1')
  when(lab, 'w-1', 'start unit kubelet', () => {
    lab.clock.stop()
    machine.brokenKubelets.add(target)
    machine.files.delete(recordFile)
  })
  await first.ended
  lab.clock.resume()
  lab.clock.pass(10)
  // The programs from before are in a work directory with another key.
  const { run } = await walk(lab, 'w-1', { files: [{ path: '/etc/motd', content: 'hello' }] })
  expect(run.progress.phase).toBe('Failed')
  lab.clock.pass(15)
  expect(machine.kubelet).toMatchObject({ version: old, healthy: true })
})

test('an attempt that begins where a lost one has left a kubelet that does not run gives way to no other', async () => {
  const lab = startWorkersLab('w-1')
  const machine = lab.machine('w-1')
  leaveBrokenKubelet(machine)
  const first = begin(lab, 'w-1', { version: 'v1.35.5' })
  when(lab, 'w-1', 'start unit binaries', () => lab.clock.stop())
  await first.ended
  expect(recordOf(lab, 'w-1')).toMatchObject({ state: 'open', changed: true })
})

test('a kubelet that is put in place between the look and the beginning of another attempt costs no way back', async () => {
  const lab = startWorkersLab('w-1')
  const machine = lab.machine('w-1')
  const first = begin(lab, 'w-1')
  when(lab, 'w-1', 'start unit kubelet', () => {
    lab.clock.stop()
    machine.brokenKubelets.add(target)
    machine.files.delete(recordFile)
  })
  await first.ended
  lab.clock.resume()
  const exec: Engine['exec'] = async (name, argv, options) => {
    const isBeginning = argv[3] === 'change.sh' && argv[8] === 'begin'
    // The unit ends meanwhile.
    if (isBeginning) await lab.clock.sleep(4)
    return lab.engine.exec(name, argv, options)
  }
  const files = [{ path: '/etc/motd', content: 'hello' }]
  const { run } = await walk(lab, 'w-1', { files, engine: { ...lab.engine, exec } })
  expect(run.progress.phase).toBe('Failed')
  lab.clock.pass(15)
  expect(machine.kubelet).toMatchObject({ version: old, healthy: true })
})

test('programs that a lost attempt has exchanged in part are put back where the next one fails', async () => {
  const lab = startWorkersLab('w-1')
  const { files, units } = lab.machine('w-1')
  for (const name of ['kubeadm', 'kubelet', 'kubectl']) files.set(`${state}/work/previous/${name}`, old)
  files.set(`${state}/work/exchanging`, '')
  files.set('/usr/bin/kubeadm', target)
  units.fail('binaries', { exitCode: 41, log: 'failed: kubeadm\n' })
  const { run } = await walk(lab, 'w-1', { version: 'v1.35.5' })
  expect(run.progress.error?.code).toBe('DOWNLOAD_NOT_FOUND')
  expect(files.get('/usr/bin/kubeadm')).toBe(old)
  expect(files.has(`${state}/work/exchanging`)).toBe(false)
})

test.each([
  ['runs', false],
  ['does not run', true],
])('a record that is lost in the middle of an exchange, whose new kubelet %s, costs no way back', async (_, isBroken) => {
  const lab = startQuickLab('cp-1')
  const machine = lab.machine('cp-1')
  await loseRecordInExchange(lab, isBroken)
  // What there was before is in a work directory with another key.
  const { run } = await walk(lab, 'cp-1', { files: [{ path: '/etc/motd', content: 'hello' }] })
  lab.clock.pass(15)
  const version = isBroken ? old : target
  expect(run.progress.phase).toBe(isBroken ? 'Failed' : 'Done')
  expect(machine.kubelet).toMatchObject({ version, healthy: true })
  expect(machine.manifests).toEqual(staticPodsOf(version))
  for (const name of ['kubeadm', 'kubelet', 'kubectl']) expect(machine.files.get(`/usr/bin/${name}`)).toBe(version)
})

const filesAlone = { settings: { changes: 'files' }, files: [{ path: '/etc/motd', content: 'hello' }] }

test('an attempt that changes files alone never removes the way back of a lost attempt', async () => {
  const lab = startWorkersLab('w-1')
  const machine = lab.machine('w-1')
  leaveBrokenKubelet(machine)
  const { run } = await walk(lab, 'w-1', filesAlone)
  expect(run.progress.phase).toBe('Failed')
  lab.clock.pass(15)
  expect(machine.kubelet).toMatchObject({ version: old, healthy: true })
  lab.clock.pass(60)
  const again = await walk(lab, 'w-1', filesAlone)
  expect(again.run.progress.phase).toBe('Done')
  expect(machine.files.get('/etc/motd')).toContain('hello')
  expect(workOf(machine)).toEqual([])
})

test.each([false, true])('nor that of a lost exchange, whose new kubelet does not run: %s', async (isBroken) => {
  const lab = startQuickLab('cp-1')
  const machine = lab.machine('cp-1')
  await loseRecordInExchange(lab, isBroken)
  const { run } = await walk(lab, 'cp-1', filesAlone)
  expect(run.progress.phase).toBe('Failed')
  lab.clock.pass(15)
  expect(machine.kubelet).toMatchObject({ version: old, healthy: true })
  expect(machine.manifests).toEqual(staticPodsOf(old))
  for (const name of ['kubeadm', 'kubelet', 'kubectl']) expect(machine.files.get(`/usr/bin/${name}`)).toBe(old)
})

test('a machine that is well at one version keeps it when files alone change, whatever a lost exchange has left', async () => {
  const lab = startQuickLab('cp-1')
  const machine = lab.machine('cp-1')
  putAtTarget(lab, 'cp-1')
  machine.files.set(`${state}/work/before/kubelet`, old)
  lab.clock.pass(60)
  const { run } = await walk(lab, 'cp-1', filesAlone)
  expect(run.progress.phase).toBe('Done')
  expect(machine.kubelet).toMatchObject({ version: target, healthy: true })
  expect(workOf(machine)).toEqual([])
})

// What a lost attempt leaves whose kubelet does not run.
function leaveBrokenKubelet(machine: SimulatedMachine): void {
  for (const name of ['kubeadm', 'kubelet', 'kubectl']) machine.files.set(`${state}/work/previous/${name}`, old)
  machine.brokenKubelets.add(target)
  machine.files.set('/usr/bin/kubelet', target)
  machine.restartKubelet()
}

// Runs an upgrade until its exchange has renamed some of the files, and fails, and its record is lost.
async function loseRecordInExchange(lab: Lab, isBroken: boolean): Promise<void> {
  const machine = lab.machine('cp-1')
  const first = begin(lab, 'cp-1')
  when(lab, 'cp-1', 'start unit exchange', () => {
    lab.clock.stop()
    if (isBroken) machine.brokenKubelets.add(target)
    machine.files.delete(recordFile)
    machine.units.fail('exchange', { exitCode: 1, log: 'mv: no\n' })
    // What the unit has renamed by then.
    machine.setManifest('kube-apiserver', staticPodsOf(target)['kube-apiserver'] ?? '')
    machine.files.set('/usr/bin/kubelet', target)
    machine.restartKubelet()
  })
  await first.ended
  lab.clock.resume()
}

function workOf({ files }: SimulatedMachine): string[] {
  return [...files.keys()].filter((path) => path.startsWith(`${state}/work`))
}
