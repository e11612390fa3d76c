import { createHash } from 'node:crypto'
import type { ExecResult } from '../../src/machine/engine.ts'
import type { SimulatedMachine } from './machine.ts'
import { scripts } from './scripts.ts'
import { shellFile, stepOf } from './shell-files.ts'
import { unitScripts } from './unit-scripts.ts'

// What change.sh does on a simulated machine. Nothing else happens on it meanwhile: the real one holds a lock.
export function changeMachine(machine: SimulatedMachine, args: string[], input: string): ExecResult {
  const [state = '', seen, record = '', bytes, kind = '', ...given] = args
  const path = `${state}/attempt.json`
  const held = machine.files.get(path)
  const digest = held === undefined ? '' : createHash('sha256').update(held).digest('hex')
  if (digest !== seen) return printed('differs\n')
  if (bytes !== String(Buffer.byteLength(input))) return failure('')
  if (machine.diskIsFull) return failure('mkdir: No space left on device\n')
  const write = () => {
    if (record === '') return
    machine.files.set(path, `${record}\n`)
    tellEvent(machine, record)
  }
  const change = changes[kind]
  if (!change) throw new Error(`the change ${kind} is not simulated`)
  return change({ machine, state, write, given, input })
}

interface Change {
  machine: SimulatedMachine
  state: string
  write: () => void
  given: string[]
  input: string
}

const changes: Record<string, (change: Change) => ExecResult> = {
  note: ({ machine, write, given: [kubelet = ''] }) => {
    if (wasRestarted(machine, kubelet)) return printed('differs\n')
    write()
    return printed('made\n')
  },

  begin: ({
    machine,
    state,
    write,
    given: [key, kubelet = '', entries = '*', kept = '', renewed = '', ...endable],
  }) => {
    if (wasRestarted(machine, kubelet)) return printed('differs\n')
    if (machine.units.running.some((unit) => !endable.includes(unit))) return printed('busy\n')
    if (entries !== '*' && entries !== entriesOf(machine, `${state}/work/`)) return printed('differs\n')
    for (const unit of machine.units.names) machine.units.forget(unit)
    if (key !== '' && machine.files.get(`${state}/work/key`) === `${key}\n`) {
      for (const name of renewed.split(' ').filter((entry) => entry !== '')) {
        machine.files.delete(`${state}/work/${name}`)
        machine.removeDirectory(`${state}/work/${name}`)
      }
    } else {
      emptyWork(machine, `${state}/work/`, kept.split(' '))
    }
    write()
    if (key !== '') machine.files.set(`${state}/work/key`, `${key}\n`)
    return printed('made\n')
  },

  run: ({ machine, write, given: [alongside = '', text = '', ...args], input }) => {
    if (isBusy(machine, alongside)) return printed('busy\n')
    if (text === 'rm -f "$1"') {
      write()
      machine.files.delete(args[0] ?? '')
      return printed('made\n')
    }
    const file = shellFile(text)
    const script = scripts[file]
    if (!script) throw new Error(`${file} is not simulated`)
    write()
    return printed(`made\n${script(machine, args, input)}`)
  },

  rest: ({ machine, write, given: [text, ...args], input }) => {
    const script = scripts[shellFile(text)]
    if (!script) throw new Error('the script is not simulated')
    const output = script(machine, args, input)
    write()
    return printed(`made\n${output.replace(/\n+$/, '')}\n`)
  },

  start: ({ machine, state, write, given: [unit = '', seconds, , alongside = '', text, ...args], input }) => {
    if (isBusy(machine, alongside)) return printed('busy\n')
    const step = stepOf(shellFile(text))
    const work = unitScripts[step]
    if (!work || !Number(seconds)) throw new Error(`a unit that runs ${step} is not simulated`)
    machine.units.forget(unit)
    machine.files.set(`${state}/work/${unit}.sh`, text ?? '')
    machine.files.set(`${state}/work/${unit}.input`, input)
    write()
    machine.units.start(unit, step, Number(seconds), () => work(machine, args))
    machine.did(`start unit ${step}`)
    return printed('made\n')
  },

  clear: ({ machine, write, given: [unit = '', invocationId] }) => {
    const isSame = machine.units.invocationOf(unit) === invocationId
    if (!isSame || machine.units.running.includes(unit)) return printed('differs\n')
    write()
    machine.units.forget(unit)
    return printed('made\n')
  },
}

function isBusy({ units }: SimulatedMachine, alongside: string): boolean {
  return units.running.some((unit) => !alongside.split(' ').includes(unit))
}

function entriesOf({ files }: SimulatedMachine, work: string): string {
  const below = [...files.keys()].filter((path) => path.startsWith(work))
  const names = new Set(below.map((path) => path.slice(work.length).split('/')[0]))
  return [...names]
    .sort()
    .map((name) => `${name} `)
    .join('')
}

function emptyWork({ files }: SimulatedMachine, work: string, kept: string[]): void {
  for (const path of [...files.keys()]) {
    const isKept = kept.some((entry) => path === `${work}${entry}` || path.startsWith(`${work}${entry}/`))
    if (path.startsWith(work) && !isKept) files.delete(path)
  }
}

// True where the caller has seen another run of the kubelet.
function wasRestarted({ kubeletRun }: SimulatedMachine, seen: string): boolean {
  return seen !== '' && seen !== kubeletRun
}

// The newest event of the record, as the story of the machine has it.
function tellEvent(machine: SimulatedMachine, record: string): void {
  const event = JSON.parse(record).events.at(-1)
  const text = `note ${[event.step, event.event].filter(Boolean).join(' ')}`
  if (event.count === 1 && machine.lastNote !== `${event.at} ${text}`) machine.did(text)
  machine.lastNote = `${event.at} ${text}`
}

function printed(stdout: string): ExecResult {
  return { exitCode: 0, stdout, stderr: '' }
}

function failure(stderr: string): ExecResult {
  return { exitCode: 1, stdout: '', stderr }
}
