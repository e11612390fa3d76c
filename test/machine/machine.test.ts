import { expect, test } from 'vitest'
import { machineOn, shellFile } from '../../src/machine/machine.ts'
import { frame } from '../fake-docker/container.ts'
import { engineWith } from './engine-with.ts'

const script = shellFile(new URL('../../src/machine/observe.sh', import.meta.url))

// A machine whose commands print this and end like this, and what was run on it.
async function machineThat(stdout: string, exitCode = 0, stderr = 'warning') {
  const ran: { argv: string[]; input: string }[] = []
  const { engine } = await engineWith((argv, input) => {
    ran.push({ argv, input })
    return { chunks: [frame(1, stdout), frame(2, stderr)], exitCode }
  })
  return { ran, machine: machineOn(engine, { name: 'm-1', cluster: 'lab', role: 'worker' }) }
}

test('a shell file has the name of its file', () => {
  expect(script.name).toBe('observe.sh')
  expect(script.text).toContain('"bootId"')
})

test('a shell file is run by sh: its text, its arguments and its input are never part of a program', async () => {
  const { machine, ran } = await machineThat('a line\n')
  const input = 'end-of-input\n$(reboot)\n'
  expect(await machine.run(script, ['$(reboot)', 'a b', "'", '*', ''], { input })).toBe('a line\n')
  expect(ran).toEqual([
    {
      argv: ['timeout', '-k', '5', '30', 'sh', '-c', script.text, 'observe.sh', '$(reboot)', 'a b', "'", '*', ''],
      input,
    },
  ])
})

test('a shell file without input gets an empty one, and as much time as it is given', async () => {
  const { machine, ran } = await machineThat('')
  await machine.run(script, [], { timeoutSeconds: 7 })
  expect(ran.map(({ input }) => input)).toEqual([''])
  expect(ran[0]?.argv[3]).toBe('7')
})

test('one that fails is called by its name; neither its text nor its arguments are in the message', async () => {
  const { machine } = await machineThat('half an output', 2)
  const error = await machine.run(script, ['secret'], { input: 'secret' }).catch((thrown) => thrown)
  expect(error).toMatchObject({ code: 'EXEC_FAILED', values: { command: 'observe.sh' }, detail: 'warning' })
  expect(error.message).not.toMatch(/secret|output/)
})

test('one that fails without words on its standard error has its output as the detail', async () => {
  const { machine } = await machineThat('words', 2, '')
  await expect(machine.run(script, [])).rejects.toMatchObject({ code: 'EXEC_FAILED', detail: 'words' })
})

test('DISK_FULL: one that fails for want of space', async () => {
  const { machine } = await machineThat('', 1, 'cat: write error: No space left on device\n')
  await expect(machine.run(script, [])).rejects.toMatchObject({ code: 'DISK_FULL', answer: 'progress' })
})

test('what one prints that ends well is no reason to fail', async () => {
  const { machine } = await machineThat('No space left on device', 0)
  expect(await machine.run(script, [])).toBe('No space left on device')
})
