import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Engine } from '../../src/machine/engine.ts'
import { type Machine, machineOn } from '../../src/machine/machine.ts'
import { frame } from '../fake-docker/container.ts'
import { startLab } from '../fake-docker/lab.ts'
import { whole } from '../fake-docker/shell-files.ts'
import { engineWith } from './engine-with.ts'

const space = new URL('../../src/upgrade/steps/space.sh', import.meta.url)

// A machine whose commands say and end like this, and what was asked of it.
async function machineThat(stdout: string, exitCode = 0, role: Machine['role'] = 'worker') {
  const asked: { argv: string[]; input: string }[] = []
  const { engine } = await engineWith((cmd, input) => {
    asked.push({ argv: cmd.slice(4), input })
    return { chunks: [frame(1, stdout), frame(2, 'warning')], exitCode }
  })
  return { asked, machine: machineOn(engine, { name: 'm-1', cluster: 'lab', role }) }
}

test('run gives the standard output', async () => {
  const { machine } = await machineThat('text\n')
  expect(await machine.run(['cat', '/file'])).toBe('text\n')
})

test('run throws with the command, and keeps its words for the log', async () => {
  const { machine } = await machineThat('', 2)
  await expect(machine.run(['cat', '/file'])).rejects.toMatchObject({
    code: 'EXEC_FAILED',
    values: { command: 'cat' },
    detail: 'warning',
  })
})

test.each([
  'cat: write error: No space left on device',
  "mkdir: cannot create directory '/var/x': Disk quota exceeded",
])('run throws DISK_FULL when the command says: %s', async (stderr) => {
  const exec: Engine['exec'] = async () => ({ exitCode: 1, stdout: '', stderr })
  const machine = machineOn({ exec } as Engine, { name: 'm-1', cluster: 'lab', role: 'worker' })
  await expect(machine.run(['cat', '/file'])).rejects.toMatchObject({ code: 'DISK_FULL', detail: stderr })
})

test('attempt gives whatever came of the command', async () => {
  const { machine } = await machineThat('text', 2)
  expect(await machine.attempt(['x'])).toEqual({ exitCode: 2, stdout: 'text', stderr: 'warning' })
})

describe('a shell file', () => {
  test('is run by sh: its text, its arguments and its input are never part of a program', async () => {
    const { machine, asked } = await machineThat(whole('a line\n'))
    const input = 'end-of-input\n$(reboot)\n'
    expect(await machine.script(space, '$(reboot)', 'a b')).toBe('a line\n')
    expect(await machine.feed(space, input, "'", '*')).toBe('a line\n')
    const text = readFileSync(space, 'utf8')
    expect(asked.map(({ argv }) => argv.slice(3))).toEqual([
      ['space.sh', text, '$(reboot)', 'a b'],
      ['space.sh', text, "'", '*'],
    ])
    expect(asked[0]?.argv.slice(0, 3)).toEqual(asked[1]?.argv.slice(0, 3))
    expect(asked.map((one) => one.input)).toEqual(['', input])
  })

  test('that fails is called by its name, and neither its text nor its arguments are in the message', async () => {
    const { machine } = await machineThat(whole(''), 2)
    await expect(machine.script(space, 'secret')).rejects.toMatchObject({
      message: 'A command in the machine failed: space.sh. (EXEC_FAILED)',
    })
  })
})

test("a shell file's output that did not arrive whole is no output", async () => {
  const { machine } = await machineThat('a line\n')
  await expect(machine.script(space)).rejects.toMatchObject({
    code: 'EXEC_FAILED',
    values: { command: 'space.sh' },
  })
})

test('a shell file is installed where a unit can run it', async () => {
  const lab = await startLab('w-1')
  const machine = machineOn(lab.engine, { name: 'w-1', cluster: 'lab', role: 'worker' })
  expect(await machine.install(space, '/var/lib/x.sh')).toBe('/var/lib/x.sh')
  expect(lab.machine('w-1').files.get('/var/lib/x.sh')).toBe(readFileSync(space, 'utf8'))
})

test("a control plane machine asks its own API server, by the certificate's name", async () => {
  const { machine, asked } = await machineThat('ok', 0, 'control-plane')
  expect(await machine.get('/readyz')).toBe('ok')
  expect(asked[0]?.argv.slice(0, 4)).toEqual([
    'kubectl',
    '--kubeconfig=/etc/kubernetes/admin.conf',
    '--server=https://127.0.0.1:6443',
    '--tls-server-name=kubernetes',
  ])
})

test("a worker asks as its kubelet may, which is all that a worker's credentials allow", async () => {
  const { machine, asked } = await machineThat('ok')
  await machine.get('/version')
  expect(asked[0]?.argv.slice(0, 2)).toEqual(['kubectl', '--kubeconfig=/etc/kubernetes/kubelet.conf'])
})

test.each(['control-plane', 'worker'] as const)('a %s machine only ever gets from the API', async (role) => {
  const { machine, asked } = await machineThat('{}', 0, role)
  await machine.get('/api/v1/nodes/m-1')
  expect(asked[0]?.argv.slice(-2)).toEqual(['get', '--raw=/api/v1/nodes/m-1'])
  expect(asked[0]?.argv.filter((arg) => !arg.startsWith('--'))).toEqual(['kubectl', 'get'])
})

test('an API that does not answer gives nothing', async () => {
  const { machine } = await machineThat('half an ans', 1)
  expect(await machine.get('/version')).toBeUndefined()
})
