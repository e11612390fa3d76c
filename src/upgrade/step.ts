import type { Settings } from '../contract/settings.ts'
import type { UpgradeError } from '../errors/upgrade-error.ts'
import type { Files } from '../kubernetes/desired-files.ts'
import type { PodSettings } from '../kubernetes/pod-settings.ts'
import type { Change } from '../machine/change.ts'
import { type MachineIdentity, type ShellFile, stateDirectory } from '../machine/machine.ts'
import type { Observation, Section, Unit } from '../machine/observation.ts'
import type { AttemptRecord } from './attempt.ts'
import type { Members } from './members.ts'

/** The desired state of a machine, from a request or from the record of an attempt. */
export interface Goal {
  /** The version to reach, such as v1.35.4. */
  target: string
  files: Files
  /** The directory of kubeadm's patches in the machine, if its KubeadmConfig names one. */
  patches: string | undefined
  /** The settings of static pods to apply; undefined where there are none or they are not known. */
  pods: PodSettings | undefined
  /** Identifies the target, files, patches and settings of static pods in records. */
  key: string
  settings: Settings
}

/** The configured sources of Kubernetes programs and images. */
export interface Sources {
  /** The source of kubeadm, kubelet and kubectl. */
  binaries: 'download' | 'node-image'
  /**
   * The base URL of a server with the layout of dl.k8s.io, <url>/<version>/bin/linux/<arch>/<name>; no trailing slash.
   */
  binariesUrl: string
  /** The source of the Kubernetes images. */
  images: 'pull' | 'node-image'
  /** The name of the node image, with {version} in place of the version. */
  nodeImage: string
  /** Whether the engine may pull a missing node image. */
  nodeImagePull: 'allow' | 'forbid'
}

/** The state of the target's node image in the engine. */
export interface NodeImage {
  /** The reference of the image in the engine; undefined where it is missing. */
  reference: string | undefined
  /** The current or last pull for this machine. `bytes` is undefined before the engine's first report. */
  pull: { bytes: number | undefined; isUnpacking: boolean; error: UpgradeError | undefined } | undefined
}

/** Everything that a step may base a decision on. It is plain data, gathered before. */
export interface Situation extends Goal {
  machine: MachineIdentity
  /** The name of the machine's volume at /var; undefined where it has none. */
  varVolume: string | undefined
  observation: Observation
  /** The other control plane machines of the cluster; empty unless the step observes them. */
  members: Members
  sources: Sources
  /** Undefined unless the step needs it. */
  nodeImage: NodeImage | undefined
  /** The attempt record; undefined where the machine has none. */
  record: AttemptRecord | undefined
}

/** The result of `done`: done, or a description of what the step waits for, which is constant while it waits. */
export type Look = 'done' | { waitsFor: string }

/** What has to be observed before a step can decide. */
export interface Needs {
  sections: readonly Section[]
  /** Paths of the cluster's API. */
  api?: (machine: MachineIdentity) => string[]
  /** The other control plane machines, from observations of at most this age in seconds. */
  membersWithinSeconds?: number
  /** The state of the target's node image. */
  nodeImage?: true
}

/** An action as data. `StepRun` carries it out, under the lock of the machine. */
export type Action =
  /** Starts a transient unit of the machine's systemd, which outlives this service. It is named after the step. */
  | {
      kind: 'unit'
      script: ShellFile
      args: readonly string[]
      input?: string
      /** A service of the machine that is started when the unit ends, however it ends. */
      service?: string
    }
  /** Runs a short script. `read` returns the error that its output reports, if any. */
  | {
      kind: 'run'
      script: ShellFile
      args: readonly string[]
      input?: string
      read?: (output: string) => UpgradeError | undefined
    }
  /**
   * Starts a helper container of another image on the same engine, with the machine's /var at /machine. Its name is
   * made of `takes` and the machine's name, so that only one of them runs at a time.
   */
  | { kind: 'helper'; takes: 'binaries' | 'images'; image: string; argv: string[]; volume: string }
  /** Pulls an image. All upgrades in this process share the pull. */
  | { kind: 'pull'; image: string }
  /** Only writes another record, then calls `after`. */
  | { kind: 'note'; record: (record: AttemptRecord) => AttemptRecord; after: () => Promise<void> | void }

/** The failed unit of a step, with the last lines that it logged. */
export interface EndedUnit extends Unit {
  log: string
}

/**
 * A step knows whether the machine already is as the step makes it (`done`), and how to get there (`action`). Both are
 * pure functions of a situation, and may be called by any process at any time and any number of times. Both may throw
 * an UpgradeError.
 */
export interface Step {
  /** Unique in a plan. It is part of the API: messages, metrics and fault injection use it. */
  name: string
  /** Describes the step in messages, such as "checking the machine". */
  doing: string
  /** The time limit. After it, the step has failed. */
  limitSeconds: number
  /** When Cluster API polls again while the step is running. */
  pollSeconds: number
  /**
   * The interval between observations while the step is running. Values of 2 or less are shortened in its first
   * seconds.
   */
  lookSeconds: number
  /** True when it changes more than our own directory and the image store. Such an attempt is always completed. */
  changesMachine: boolean
  /** True when it uses the work directory. */
  needsWork?: true
  /** Entries of the work directory that depend on the cluster's configuration. Each new attempt makes them again. */
  renewed?: readonly string[]
  needs: Needs
  /**
   * True when the next steps go on while its unit is running. It is done as soon as the unit runs, and a later step waits
   * for what the unit does.
   */
  goesOn?(situation: Situation): boolean
  /** The steps whose units may be running while this one makes its change. */
  alongside?: readonly Pick<Step, 'name'>[]
  /** True when an earlier step has to act again: the plan starts over. */
  startsOver?(situation: Situation): boolean
  /** True when it uses the staged programs. Without them, the plan starts over. Requires the section `work`. */
  usesPrograms?: boolean
  /** Returns whether the machine already is as the step makes it. */
  done(situation: Situation): Look
  /** Returns what makes the machine so; undefined where there is nothing to do now. Absent in steps that only wait. */
  action?(situation: Situation): Action | undefined
  /** A warning for the log when the step is done. */
  remark?(situation: Situation): string | undefined
  /** The error for the failure of the step's unit. */
  explain?(ended: EndedUnit, goal: Pick<Situation, 'sources' | 'target'>): UpgradeError
  /**
   * The change that leaves the machine in a safe state when the step fails. Without it, a failed unit is only reset.
   */
  rest?(situation: Situation): Change
  /** The change and the error when the time limit has passed. Without it, the error is STEP_TIME_LIMIT. */
  giveUp?(situation: Situation): { change: Change; error: UpgradeError }
}

/** What the plan of a machine depends on. */
export interface PlanFor {
  machine: Pick<MachineIdentity, 'role'>
  sources: Pick<Sources, 'images' | 'binaries'>
  settings: Pick<Settings, 'exchange'>
}

/** Returns the steps to the target, in order. */
export type Plan = (of: PlanFor) => Step[]

/** The result of `done` for a step that waits. */
export function waiting(waitsFor: string): Look {
  return { waitsFor }
}

/** The work directory in a machine. It holds everything that an attempt stages. */
export const workDirectory = `${stateDirectory}/work`

/** True when the work directory belongs to this attempt and has the entry. */
export function hasInWork({ observation: { work }, key }: Situation, entry: string): boolean {
  return work.key === key && work.entries.has(entry)
}

/** The unit of a step; undefined where it has none, or the observation does not cover the section `units`. */
export function unitOf(step: Pick<Step, 'name'>, { units }: Observation): Unit | undefined {
  const name = unitNameOf(step)
  return units.find((unit) => unit.name === name)
}

/** The name of a step's unit. It has no version, so that two requests cannot run a step twice. */
export function unitNameOf(step: Pick<Step, 'name'>): string {
  return `capd-kubeadm-upgrader-${step.name}`
}
