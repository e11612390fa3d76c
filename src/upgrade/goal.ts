import { keptSettings } from '../contract/settings.ts'
import type { AttemptRecord } from './attempt.ts'
import type { Goal } from './step.ts'
import type { Task } from './task.ts'

/** The goal of a request. */
export function goalOf({ version, files, patches, pods, key, settings }: Task): Goal {
  return { target: version, files, patches, pods, key, settings }
}

/**
 * The goal of an attempt whose request this process does not have. Its files were written before anything else was
 * changed.
 */
export function recordedGoal({ request }: AttemptRecord): Goal {
  return {
    target: request.target,
    files: { wanted: [], closed: [] },
    patches: request.patches,
    // kubeadm-config has them.
    pods: undefined,
    key: request.key,
    settings: keptSettings(request.settings),
  }
}
