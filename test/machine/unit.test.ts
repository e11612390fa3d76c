import { expect, test } from 'vitest'
import type { Machine } from '../../src/machine/machine.ts'
import { machineOn } from '../../src/machine/machine.ts'
import { clearUnit, forgetFailure, startUnit, unitLog, unitResult } from '../../src/machine/unit.ts'
import { frame } from '../fake-docker/container.ts'
import { startLab } from '../fake-docker/lab.ts'
import { engineWith } from './engine-with.ts'

const unit = 'capd-kubeadm-upgrader-binaries'
const named = { unit, description: `${unit} to v1.35.4` }
const binaries = new URL('../../src/upgrade/steps/binaries.sh', import.meta.url)
const argv = ['sh', '/var/b.sh', 'http://files', 'v1.35.4', '/var/bin']

// A simulated machine with a shell file that a unit can run.
async function machineWithScript() {
  const lab = await startLab('w-1')
  const machine = machineOn(lab.engine, { name: 'w-1', cluster: 'lab', role: 'worker' })
  await machine.install(binaries, '/var/b.sh')
  const units = lab.machine('w-1').units
  return { machine, units, pass: (seconds: number) => lab.clock.pass(seconds) }
}

test('a unit runs, and has succeeded when its command has', async () => {
  const { machine, pass } = await machineWithScript()
  expect((await unitResult(machine, unit)).state).toBe('none')
  await startUnit(machine, named, argv, 60)
  expect((await unitResult(machine, unit)).state).toBe('running')
  pass(10)
  expect(await unitResult(machine, unit)).toEqual({
    state: 'succeeded',
    exitCode: 0,
    result: 'success',
    description: named.description,
  })
})

test('a unit that failed has its exit code and its log', async () => {
  const { machine, units, pass } = await machineWithScript()
  units.fail('binaries', { exitCode: 41, log: 'fetching x\nfailed: kubeadm\n' })
  await startUnit(machine, named, argv, 60)
  pass(10)
  expect(await unitResult(machine, unit)).toMatchObject({ state: 'failed', exitCode: 41, result: 'exit-code' })
  expect(await unitLog(machine, unit)).toBe('fetching x\nfailed: kubeadm\n')
})

test('a unit that runs longer than its limit has failed', async () => {
  const { machine, units, pass } = await machineWithScript()
  units.hold('binaries')
  await startUnit(machine, named, argv, 60)
  pass(61)
  expect(await unitResult(machine, unit)).toMatchObject({ state: 'failed', result: 'timeout' })
})

test.each([1, 10])('a second start %i s later counts as started, and starts nothing', async (seconds) => {
  const { machine, units, pass } = await machineWithScript()
  await startUnit(machine, named, argv, 60)
  pass(seconds)
  await startUnit(machine, named, argv, 60)
  expect(units.starts).toEqual([unit])
})

test.each(['succeeded', 'failed'])('a unit that has %s can be started again once it is cleared', async (state) => {
  const { machine, units, pass } = await machineWithScript()
  if (state === 'failed') units.fail('binaries', { exitCode: 1, log: '' })
  await startUnit(machine, named, argv, 60)
  pass(10)
  expect((await unitResult(machine, unit)).state).toBe(state)
  await clearUnit(machine, unit)
  expect((await unitResult(machine, unit)).state).toBe('none')
  await startUnit(machine, named, argv, 60)
  expect(units.starts).toEqual([unit, unit])
})

test('a unit whose failure is forgotten can be started again, and a late second time does not stop that run', async () => {
  const { machine, units, pass } = await machineWithScript()
  units.fail('binaries', { exitCode: 1, log: '' })
  await startUnit(machine, named, argv, 60)
  pass(10)
  await forgetFailure(machine, unit)
  expect((await unitResult(machine, unit)).state).toBe('none')
  await startUnit(machine, named, argv, 60)
  // As a process does it that saw the failure, too, and was slow.
  await forgetFailure(machine, unit)
  expect((await unitResult(machine, unit)).state).toBe('running')
  pass(10)
  expect((await unitResult(machine, unit)).state).toBe('succeeded')
})

test('the log of a unit is that of its present run', async () => {
  const { machine, units, pass } = await machineWithScript()
  for (const log of ['failed: kubeadm\n', 'failed: kubelet\n']) {
    units.fail('binaries', { exitCode: 41, log })
    await startUnit(machine, named, argv, 60)
    pass(10)
    expect(await unitLog(machine, unit)).toBe(log)
    await clearUnit(machine, unit)
  }
})

test('a unit that another process has cleared a moment ago is cleared', async () => {
  const { machine } = await machineWithScript()
  await clearUnit(machine, unit)
  expect((await unitResult(machine, unit)).state).toBe('none')
})

test('a unit that systemd refuses to start is an error with its words', async () => {
  const machine = await machineThat((command) =>
    command === 'systemctl show' ? shown('inactive', 'dead') : { text: 'Unit could not be found', exitCode: 4 },
  )
  await expect(startUnit(machine, named, argv, 60)).rejects.toMatchObject({
    code: 'EXEC_FAILED',
    detail: 'Unit could not be found',
  })
})

// ActiveState and SubState, and what they mean here.
test.each([
  ['inactive', 'dead', '', 'none'],
  ['inactive', 'dead', '17', 'running'],
  ['activating', 'start', '17', 'running'],
  ['active', 'running', '', 'running'],
  ['active', 'exited', '', 'succeeded'],
  ['deactivating', 'stop-sigterm', '', 'running'],
  ['failed', 'failed', '', 'failed'],
])('%s (%s) with the job "%s" means %s', async (activeState, subState, job, meaning) => {
  const machine = await machineThat(() => shown(activeState, subState, job))
  expect((await unitResult(machine, unit)).state).toBe(meaning)
})

function shown(activeState: string, subState: string, job = '') {
  const facts = { ActiveState: activeState, SubState: subState, Result: 'success', ExecMainStatus: '0' }
  const lines = Object.entries({ ...facts, Job: job }).map(([name, value]) => `${name}=${value}\n`)
  return { text: lines.join(''), exitCode: 0 }
}

// A machine that answers each command by its first two words.
async function machineThat(says: (command: string) => { text: string; exitCode: number }): Promise<Machine> {
  const { engine } = await engineWith((cmd) => {
    const { text, exitCode } = says(cmd.slice(4, 6).join(' '))
    return { chunks: [frame(exitCode === 0 ? 1 : 2, text)], exitCode }
  })
  return machineOn(engine, { name: 'm-1', cluster: 'lab', role: 'worker' })
}
