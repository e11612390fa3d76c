import type { Settings } from '../contract/settings.ts'
import type { UpgradeError } from '../errors/upgrade-error.ts'
import type { Files } from '../kubernetes/desired-files.ts'
import type { PodSettings } from '../kubernetes/pod-settings.ts'
import type { Change } from '../machine/change.ts'
import { type MachineIdentity, type ShellFile, stateDirectory } from '../machine/machine.ts'
import type { Observation, Section, Unit } from '../machine/observation.ts'
import type { AttemptRecord } from './attempt.ts'
import type { Members } from './members.ts'

/** What an upgrade brings a machine to, whoever asked for it: a request, or the record of an attempt. */
export interface Goal {
  /** The version to reach, such as v1.35.4. */
  target: string
  files: Files
  /** The directory of kubeadm's patches in the machine, if its KubeadmConfig names one. */
  patches: string | undefined
  /** What its static pods are to run with besides what kubeadm gives them; undefined where that is not known or nothing. */
  pods: PodSettings | undefined
  /** Names target, files, patches and settings of static pods: what is remembered is remembered of all. */
  key: string
  settings: Settings
}

/** Where the parts of a release come from, by the service's configuration. */
export interface Sources {
  /** From where machines get kubeadm, kubelet and kubectl. */
  binaries: 'download' | 'node-image'
  /** Base URL in the layout of dl.k8s.io, without a trailing slash: <url>/<version>/bin/linux/<arch>/<name>. */
  binariesUrl: string
  images: 'pull' | 'node-image'
  /** The node image to take Kubernetes images or programs from, with {version} in it. */
  nodeImage: string
  /** Whether the engine is to pull a node image that it does not have. */
  nodeImagePull: 'allow' | 'forbid'
}

/** What is known of the target's node image. */
export interface NodeImage {
  /** By which the engine has it; undefined where it does not. */
  reference: string | undefined
  /** The pull that this walk waits for, or waited for. `bytes` are undefined before the engine's first report. */
  pull: { bytes: number | undefined; isUnpacking: boolean; error: UpgradeError | undefined } | undefined
}

/** Everything that a step decides by: plain data, gathered before it is asked. */
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
  /** Undefined while no attempt has begun. */
  record: AttemptRecord | undefined
}

/** Done, or what the step waits for, in words that stay the same while it does. */
export type Look = 'done' | { waitsFor: string }

/** What a step needs to know of the world before it can decide. */
export interface Needs {
  sections: readonly Section[]
  /** Paths of the cluster's API. */
  api?: (machine: MachineIdentity) => string[]
  /** The other control plane machines, observed so many seconds ago at most. */
  membersWithinSeconds?: number
  /** Whether the engine has the target's node image. */
  nodeImage?: true
}

/** What makes it so, as data: the walk carries it out, under the lock of the machine. */
export type Action =
  /** A transient unit of the machine's systemd, which outlives this service. Its name is the step's. */
  | {
      kind: 'unit'
      script: ShellFile
      args: readonly string[]
      input?: string
      /** A service of the machine that is started when the unit ends, however it ends. */
      service?: string
    }
  /** A short script. `read` gives the error that its output stands for, if any. */
  | {
      kind: 'run'
      script: ShellFile
      args: readonly string[]
      input?: string
      read?: (output: string) => UpgradeError | undefined
    }
  /**
   * A container of another image on the same engine, with the machine's /var at /machine. It is named after what it takes
   * from the image, and a machine has one of the name: while it runs, the engine refuses a second.
   */
  | { kind: 'helper'; takes: 'binaries' | 'images'; image: string; argv: string[]; volume: string }
  /** Has the engine pull an image, which this process waits for, with all others of its walks that want it. */
  | { kind: 'pull'; image: string }
  /** Nothing but another record, and what follows when it is written. */
  | { kind: 'note'; record: (record: AttemptRecord) => AttemptRecord; after: () => Promise<void> | void }

/** A unit of a step that has failed, with the last lines that it logged. */
export interface EndedUnit extends Unit {
  log: string
}

/**
 * A step knows two things: is it already so on this machine (`done`), and how to make it so (`action`). Both are pure
 * functions of a situation and may be asked at any time, by any process, again and again. Both may throw a coded error.
 */
export interface Step {
  name: string
  /** What happens in it, for people. */
  doing: string
  /** How long it may take; then it is a failure. */
  limitSeconds: number
  /** When Cluster API is told to poll again while the step is under way. */
  pollSeconds: number
  /** How often the machine is observed while the step is under way; sooner in its first seconds where it is 2 or less. */
  lookSeconds: number
  /** True when it changes more than our own directory and the image store: then the attempt is seen to its end. */
  changes: boolean
  /** True when it keeps something in the work directory, or takes something from it. */
  needsWork?: true
  needs: Needs
  /** True when it works with the staged programs: without them it is not its turn. It observes the work directory then. */
  usesPrograms?: boolean
  done(situation: Situation): Look
  /** Absent where there is nothing to do but wait; undefined where there is nothing to do at this moment. */
  action?(situation: Situation): Action | undefined
  /** What an operator may want to know of the step once it is done: a line for the log. */
  remark?(situation: Situation): string | undefined
  /** What it means that the step's unit failed. */
  explain?(ended: EndedUnit, goal: Pick<Situation, 'sources' | 'target'>): UpgradeError
  /** The change that lets the machine rest when the step fails. Without it a failed unit is only forgotten. */
  rest?(situation: Situation): Change
  /** When the limit has passed: the change that lets the machine rest, and a better error than that of the limit. */
  giveUp?(situation: Situation): { change: Change; error: UpgradeError }
}

/** What the way of a machine depends on. */
export interface PlanFor {
  machine: Pick<MachineIdentity, 'role'>
  sources: Pick<Sources, 'images' | 'binaries'>
  settings: Pick<Settings, 'exchange'>
}

/** The way to the target, in order. */
export type Plan = (of: PlanFor) => Step[]

export function waiting(waitsFor: string): Look {
  return { waitsFor }
}

/** Where everything of an attempt is kept in the machine until it is done. */
export const workDirectory = `${stateDirectory}/work`

/** True when the attempt's work directory has an entry of this name. Another attempt's directory has none of ours. */
export function hasInWork({ observation: { work }, key }: Situation, entry: string): boolean {
  return work.key === key && work.entries.has(entry)
}

/** The unit of a step. It carries no version, so that a machine has one of them, whatever is requested. */
export function unitNameOf(step: Pick<Step, 'name'>): string {
  return `capd-kubeadm-upgrader-${step.name}`
}
