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
}

const path = '/etc/app.conf'
const known = new Map<string, Task>()

/** The task of a wish, as a hook or start makes it. */
export function taskFor(machine: string, { version, file }: Wish, exchange: Settings['exchange'] = 'one-by-one'): Task {
  const name = `${machine} ${version} ${file} ${exchange}`
  const files = file === 'no file' ? [] : [{ path, content: file }]
  const task = known.get(name) ?? taskOf(machine, { version, files, settings: { exchange } })
  known.set(name, task)
  return task
}

/** True when the machine has the file that the wish is about. */
export function hasFile({ files }: SimulatedMachine, { file }: Wish): boolean {
  return file === 'no file' || (files.get(path)?.includes(file) ?? false)
}
