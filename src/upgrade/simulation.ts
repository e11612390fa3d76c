import { planFor } from './plan.ts'
import { observingMessage, type Progress } from './progress.ts'
import type { Task } from './task.ts'
import type { Tools } from './tools.ts'
import type { Upgrade } from './upgrade.ts'

// Short, because each replica simulates by itself, and a replica that gets the request later lags behind.
const stepSeconds = 1
const pollSeconds = 2

/**
 * Simulates the upgrade of a machine of the in-memory backend, which consists only of objects. It reports the steps one
 * by one and calls no engine. The state is in this process, so it starts over after a restart.
 */
export function simulation(task: Task, { sources, clock, log }: Pick<Tools, 'sources' | 'clock' | 'log'>): Upgrade {
  const { role = 'worker', version, settings } = task
  const message = `simulated: ${observingMessage}`
  const progress: Progress = { phase: 'InProgress', step: '', message, retryAfterSeconds: pollSeconds }
  const reportSteps = async () => {
    log.warn('SIMULATED: nothing is done to this machine of the in-memory backend.')
    const plan = planFor({ machine: { role }, sources, settings })
    for (const [i, { name: step, doing }] of plan.entries()) {
      Object.assign(progress, { step, message: `simulated: step ${i + 1} of ${plan.length}, ${doing}` })
      await clock.sleep(stepSeconds)
    }
    Object.assign(progress, { phase: 'Done', step: '', message: `simulated: at ${version}`, retryAfterSeconds: 0 })
  }
  // Sleeps reject when the process ends.
  return {
    progress,
    restSeconds: 0,
    firstReport: Promise.resolve(),
    update: () => {},
    toEnd: () => reportSteps().catch(() => {}),
  }
}
