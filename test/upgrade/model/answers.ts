import { pauseAfter } from '../../../src/upgrade/attempt.ts'
import type { Progress } from '../../../src/upgrade/progress.ts'
import type { Caller } from './callers.ts'
import type { Replica } from './replica.ts'
import { nameOf, taskFor } from './wish.ts'
import type { ModelWorld } from './world.ts'

// A result that no one fetched stands for a minute, and a call waits for a few seconds.
const doneStandsSeconds = 70
// Within this a process has looked at the machine again: a change is ended after two minutes, and a look after one.
const noticedSeconds = 190
// Trouble of the engine or of the machine is a failure after ten minutes; its answer stands for ten seconds more.
const troubleSeconds = 570
const passing = ['ENGINE_UNREACHABLE', 'CONTAINER_STOPPED', 'DISK_FULL', 'EXEC_FAILED', 'EXEC_TIME_LIMIT']

/** Checks what a caller is told against what is so. */
export function checkAnswer(world: ModelWorld, caller: Caller, answer: Progress): void {
  if (answer.phase === 'Done') checkDone(world, caller)
  if (answer.phase === 'InProgress' && !hasCode(answer)) checkSilence(world, caller)
}

/** Checks that a process does not give up for trouble that may pass before it has lasted. */
export function checkFailure({ watch, clock }: ModelWorld, { trouble }: Replica, { phase, error }: Progress): void {
  if (phase !== 'Failed' || !error || !passing.includes(error.code)) return
  // One that a step ended with stands in the record.
  if (watch.hasFailedBy(error.code)) return
  const seconds = (Math.min(trouble.until, clock.monotonic()) - trouble.since) / 1000
  if (seconds < troubleSeconds) watch.violated(`${error.code} is a failure after ${seconds} s`)
}

function checkDone({ watch, fulfilled, clock }: ModelWorld, { wish }: Caller): void {
  const at = wish && fulfilled.get(nameOf(wish))
  const seconds = at === undefined ? Number.POSITIVE_INFINITY : (clock.monotonic() - at) / 1000
  if (seconds > doneStandsSeconds) watch.violated(`done at ${wish && nameOf(wish)} was reported, which does not run`)
}

function checkSilence(world: ModelWorld, caller: Caller): void {
  const { faults, watch, machine, clock } = world
  const untroubled = (clock.monotonic() - (caller.untroubledSince ?? clock.monotonic())) / 1000
  const isAway = Math.min(faults.age('engine away 0'), faults.age('engine away 1'))
  const { message } = caller.answer as Progress
  if (Math.min(isAway, untroubled) > noticedSeconds) watch.violated(`the engine is away, and the answer is: ${message}`)
  const isIdle = machine.units.running.length === 0
  const isFull = Math.min(faults.age('disk full'), untroubled) > noticedSeconds
  if (isFull && isIdle) watch.violated(`the disk is full, and the answer is: ${message}`)
  const { record } = watch
  if (record?.state !== 'failed' || !record.failure || !caller.wish) return
  if (record.request.key !== taskFor(machine.name, caller.wish, world.kind.exchange).key) return
  const since = machine.uptime - record.failure.at.uptime
  const pause = pauseAfter(record.failure)
  if (Math.min(since, untroubled) > noticedSeconds && since < pause)
    watch.violated(`the attempt has failed, and the answer is: ${message}`)
}

/** True when the message ends with the code of an error, or contains one. */
export function hasCode({ message }: Progress): boolean {
  return /\([A-Z_]{4,}\)/.test(message)
}
