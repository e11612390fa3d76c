import type { Settings } from '../../../src/contract/settings.ts'
import type { Task } from '../../../src/upgrade/task.ts'
import type { SimulatedMachine } from '../../fake-docker/machine.ts'
import { taskOf } from '../walk.ts'

/** A version of the KubeadmConfig's file: none, or one of two contents. */
export type FileWish = 'no file' | 'one' | 'two'

/** What a caller can wish a machine to be. */
export interface Wish {
  version: string
  file: FileWish
  /** The value of an argument of the API server; absent where the KubeadmConfig has none. */
  argument?: ArgumentWish
}

/** A value of the argument. */
export type ArgumentWish = '401' | '402'
export const argumentWishes: readonly ArgumentWish[] = ['401', '402']
const argumentName = 'max-requests-inflight'

const path = '/etc/app.conf'
const known = new Map<string, Task>()

/** The task of a wish, as a hook or start makes it. */
export function taskFor(machine: string, wish: Wish, exchange: Settings['exchange'] = 'one-by-one'): Task {
  const { version, file, argument } = wish
  const name = `${machine} ${nameOf(wish)} ${exchange}`
  const files = file === 'no file' ? [] : [{ path, content: file }]
  const task = known.get(name) ?? taskOf(machine, { version, files, spec: specOf(argument), settings: { exchange } })
  known.set(name, task)
  return task
}

/** True when the machine has the file that the wish is about. */
function hasFile({ files }: SimulatedMachine, { file }: Wish): boolean {
  return file === 'no file' || (files.get(path)?.includes(file) ?? false)
}

/** Names a wish: the same for the same wish. */
export function nameOf({ version, file, argument }: Wish): string {
  return `${version} ${file} ${argument ?? 'no argument'}`
}

/** The argument as kubeadm renders it. */
export function flagOf(argument: ArgumentWish): string {
  return `--${argumentName}=${argument}`
}

/** True when the API server runs with the argument that the wish is about. */
function hasArgument({ running }: SimulatedMachine, { argument }: Wish): boolean {
  return argument === undefined || (running.get('kube-apiserver')?.split(' ').includes(flagOf(argument)) ?? false)
}

function specOf(argument: ArgumentWish | undefined): object {
  if (argument === undefined) return {}
  return { clusterConfiguration: { apiServer: { extraArgs: [{ name: argumentName, value: argument }] } } }
}

/** Every wish that has this version. */
export function wishesAt(version: string): Wish[] {
  const wishes = (['no file', 'one', 'two'] as const).map((file) => ({ version, file }))
  return wishes.flatMap((wish) => [wish, ...argumentWishes.map((argument) => ({ ...wish, argument }))])
}

/** True when the machine has the file and the argument of the wish. */
export function isThere(machine: SimulatedMachine, wish: Wish): boolean {
  return hasFile(machine, wish) && hasArgument(machine, wish)
}
