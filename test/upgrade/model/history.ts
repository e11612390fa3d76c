import fc from 'fast-check'
import { target } from '../../fake-docker/release.ts'
import type { History } from './commands.ts'
import type { Mutation } from './mutation.ts'
import { comeToRest } from './rest.ts'
import { ModelWorld } from './world.ts'

/** Lets a history happen to two replicas and a machine, and lets the machine come to rest. Throws where it must not. */
export async function play({ kind, commands }: History, mutation?: Mutation): Promise<void> {
  const world = new ModelWorld(kind, mutation)
  // Both replicas work for it from the beginning.
  for (const caller of [0, 1] as const) world.request(caller, { version: target, file: 'no file' }, caller)
  await fc.asyncModelRun(() => ({ model: {}, real: world }), commands)
  await comeToRest(world)
}
