import type { Settings } from '../contract/settings.ts'
import type { UpgradeError } from '../errors/upgrade-error.ts'
import type { Files } from '../kubernetes/desired-files.ts'
import type { Engine } from '../machine/engine.ts'
import { type Machine, stateDirectory } from '../machine/machine.ts'
import type { Clock } from './clock.ts'

// What every step can see: the machine, the wish, and the means.
export interface Context {
  machine: Machine
  // The version to reach, such as v1.35.4.
  target: string
  files: Files
  // The directory of kubeadm patches that the machine was made with.
  patches: string | undefined
  // Names target and files: what is remembered is remembered of both.
  key: string
  settings: Settings
  engine: Engine
  sources: Sources
  clock: Clock
  /**
   * To be called right before a change: throws when the machine is another's to change by now, because another
   * attempt is under way or because another process has noted that this one failed.
   */
  confirm?(): Promise<void>
}

// Where the parts of a release come from, by the service's configuration.
export interface Sources {
  // Base URL in the layout of dl.k8s.io, without a trailing slash: <url>/<version>/bin/linux/<arch>/<name>.
  binariesUrl: string
  images: 'pull' | 'node-image'
  // The node image to take Kubernetes images from, with {version} in it.
  nodeImage: string
}

// Done, or what the step waits for, in words that stay the same while it does.
export type Look = 'done' | { waitsFor: string }

// A step knows two things: is it already so on this machine, and how to make it so. Both may be asked at any
// time, by any process, again and again; `done` only looks, and `apply` only starts what is not under way.
export interface Step {
  name: string
  // What happens in it, for people.
  doing: string
  // How long it may take while a process watches it; then it is a failure.
  limitSeconds: number
  // When Cluster API is told to poll again while the step is under way.
  pollSeconds: number
  done(context: Context): Promise<Look>
  // Absent where there is nothing to do but wait.
  apply?(context: Context): Promise<void>
  // When the limit has passed: the error, where the step knows a better one than STEP_TIME_LIMIT.
  overdue?(context: Context): Promise<UpgradeError>
  // When the limit has passed and the failure is noted: puts the machine into a state it can rest in.
  giveUp?(context: Context): Promise<void>
  // When a failure within the limit is noted: forgets it in the machine, so that the next attempt can begin.
  forget?(context: Context): Promise<void>
}

// The way to the target, in order.
export type Plan = (context: Context) => Step[]

export function waiting(waitsFor: string): Look {
  return { waitsFor }
}

// Where everything of one target version is kept in the machine until the upgrade is done.
export function workDirectory(target: string): string {
  return `${stateDirectory}/${target}`
}
