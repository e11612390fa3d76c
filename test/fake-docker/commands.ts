import type { ExecResult } from '../../src/machine/engine.ts'
import type { SimulatedMachine } from './machine.ts'
import { scripts } from './scripts.ts'
import { scriptIn, shellFile, stepOf, whole } from './shell-files.ts'
import { unitScripts } from './unit-scripts.ts'

type Command = (machine: SimulatedMachine, args: string[], input: string) => ExecResult

const commands: Record<string, Command> = {
  cat: ({ files }, [path = '']) => {
    const content = files.get(path)
    return content === undefined ? failed(`cat: ${path}: No such file or directory`) : printed(content)
  },
  grep: ({ files }, [options, pattern, directory]) => {
    if (options !== '-rs' || pattern !== '.') throw new Error('only all lines below a directory are shown')
    const found = [...files].filter(([path]) => path.startsWith(`${directory}/`))
    return found.length > 0 ? printed(found.map(([path, text]) => `${path}:${text}\n`).join('')) : failed('')
  },
  test: (machine, [option, path = '']) => {
    const isThere = option === '-e' && machine.files.has(path)
    return isThere || machine.isDirectory(path) ? printed('') : failed('')
  },
  sh: (machine, args, input) => {
    const found = scriptIn(['sh', ...args])
    if (!found) return inline(machine, args.slice(2), input)
    return printed(whole(script(machine, shellFile(found.text), found.args, input)))
  },
  'systemd-run': systemdRun,
  systemctl: (machine, [verb, unit = '', property = '']) => {
    if (verb === 'show' && property.endsWith('InactiveExitTimestamp')) return printed(machine.units.startOf(unit))
    if (verb === 'show') return printed(machine.units.show(unit))
    if (verb === 'status') return failed(`Unit ${unit}.service could not be found.`, 4)
    machine.did(`${verb} ${unit}`)
    if (verb === 'stop') return machine.units.stop(unit)
    if (verb === 'reset-failed') return machine.units.resetFailed(unit)
    throw new Error(`systemctl ${verb} is not simulated`)
  },
  journalctl: (machine, [, unit = '', ...options]) => {
    if (unit === 'kubelet') return printed('the log of the kubelet\n')
    const since = options.find((option) => option.startsWith('--since='))
    return printed(machine.units.log(unit, since?.slice('--since='.length)))
  },
  kubectl: (machine, args) => {
    const [verb, ...more] = args.filter((arg) => !arg.startsWith('--'))
    const path = args.find((arg) => arg.startsWith('--raw='))?.slice('--raw='.length)
    if (verb !== 'get' || more.length > 0 || path === undefined) throw new Error('only a raw get is allowed')
    const kubeconfig = machine.role === 'worker' ? 'kubelet.conf' : 'admin.conf'
    if (!args.includes(`--kubeconfig=/etc/kubernetes/${kubeconfig}`)) throw new Error('no credentials of this role')
    return machine.cluster.get(machine, path)
  },
  curl: (machine, args) => {
    if (args.at(-1) !== 'http://127.0.0.1:2381/health') throw new Error('nothing listens there')
    return printed(`{"health":"${machine.etcdHealthy}","reason":""}`)
  },
}

// Runs one command in a simulated machine. Throws when it is one that src/ is not known to run.
export function execute(machine: SimulatedMachine, [name = '', ...args]: string[], input: string): ExecResult {
  const command = commands[name]
  if (!command) throw new Error(`the command ${name} is not simulated`)
  return command(machine, args, input)
}

function script(machine: SimulatedMachine, file: string, args: string[], input: string): string {
  const run = scripts[file]
  if (!run) throw new Error(`${file} is not simulated`)
  return run(machine, args, input)
}

// The one-liners of src/, by the name that each has as its $0.
function inline(machine: SimulatedMachine, [name = '', path = '', bytes]: string[], input: string): ExecResult {
  const { files } = machine
  const content = files.get(path)
  if (name === 'install') {
    if (bytes !== String(Buffer.byteLength(input))) return failed('')
    files.set(path, input)
    machine.did(`install ${stepOf(shellFile(input))}`)
    return printed('')
  }
  if (name === 'record') {
    files.set(path, (content ?? '') + input)
    const { event, step, code } = JSON.parse(input)
    machine.did(`note ${step} ${event}${code ? ` ${code}` : ''}`)
    return printed('')
  }
  if (name === 'take') {
    files.delete(path)
    return content === undefined ? failed('') : printed(content)
  }
  throw new Error(`the one-liner ${name} is not simulated`)
}

function systemdRun(machine: SimulatedMachine, args: string[]): ExecResult {
  const command = args.findIndex((arg) => !arg.startsWith('--'))
  const [options, [shell, path = '', ...given]] = [args.slice(0, command), args.slice(command)]
  const value = (name: string) => options.find((option) => option.startsWith(name))?.slice(name.length) ?? ''
  const limit = Number(value('--property=RuntimeMaxSec='))
  const needed = ['--no-block', '--property=Type=exec', '--property=RemainAfterExit=yes']
  if (shell !== 'sh' || !limit || !needed.every((option) => options.includes(option))) {
    throw new Error('units are started in another way')
  }
  const step = stepOf(shellFile(machine.files.get(path)))
  const work = unitScripts[step]
  if (!work) throw new Error(`a unit that runs ${step} is not simulated`)
  const named = { name: value('--unit='), description: value('--description=') }
  const started = machine.units.start(named, step, limit, () => work(machine, given))
  if (started.exitCode === 0) machine.did(`start unit ${step}`)
  return started
}

function printed(stdout: string): ExecResult {
  return { exitCode: 0, stdout, stderr: '' }
}

function failed(stderr: string, exitCode = 1): ExecResult {
  return { exitCode, stdout: '', stderr }
}
