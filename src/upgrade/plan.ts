import type { Settings } from '../contract/settings.ts'
import { coded } from '../errors/upgrade-error.ts'
import { podWithout } from './pod-settings.ts'
import { manifestVersions, missingManifests } from './static-pods.ts'
import {
  hasInWork,
  type Needs,
  type Plan,
  type PlanFor,
  type Situation,
  type Sources,
  type Step,
  unitNameOf,
} from './step.ts'
import { apiServers } from './steps/api-servers.ts'
import { binaries } from './steps/binaries.ts'
import { exchange } from './steps/exchange.ts'
import { files } from './steps/files.ts'
import { imageArchive } from './steps/image-archive.ts'
import { imageList } from './steps/image-list.ts'
import { images, imagesMeanwhile } from './steps/images.ts'
import { imagesLoaded } from './steps/images-loaded.ts'
import { kubeadm, quickKubeadm } from './steps/kubeadm.ts'
import { kubeadmConfig } from './steps/kubeadm-config.ts'
import { kubelet } from './steps/kubelet.ts'
import { manifests } from './steps/manifests.ts'
import { nodeImage } from './steps/node-image.ts'
import { preflight } from './steps/preflight.ts'
import { prepare } from './steps/prepare.ts'
import { render } from './steps/render.ts'
import { staticPods } from './steps/static-pods.ts'
import { tidy } from './steps/tidy.ts'
import { nodeKubeletVersion, verify } from './steps/verify.ts'

/**
 * The steps to the target, in order. With `exchange: together`, the static pods and the programs are exchanged at once,
 * and the steps kubeadm, static-pods and kubelet find nothing left to do. With `one-by-one`, nothing in /usr/bin
 * changes before the static pods run at the target.
 */
export const planFor: Plan = ({ machine, sources, settings }) => {
  const isTakenFrom = sources.images === 'node-image' || sources.binaries === 'node-image'
  const checks = isTakenFrom ? [preflight, nodeImage] : [preflight]
  const staging = [binaries, kubeadmConfig, imageList]
  const bringImages = sources.images === 'pull' ? [images] : [imageArchive, images]
  if (machine.role === 'worker') {
    return [...checks, ...staging, ...bringImages, apiServers, files, quickKubeadm, kubelet, verify, tidy]
  }
  const upgrade =
    settings.exchange === 'one-by-one'
      ? [...bringImages, files, kubeadm]
      : [...whilePreparing(sources.images), exchange, quickKubeadm]
  return [...checks, manifests, ...staging, ...upgrade, staticPods, kubelet, verify, tidy]
}

// The images of a node image are loaded while the exchange is prepared. A pull may take minutes, or fail for as long, so
// the machine is not changed before it has ended.
function whilePreparing(from: Sources['images']): Step[] {
  const preparing = [files, render, prepare]
  return from === 'pull' ? [images, ...preparing] : [imageArchive, imagesMeanwhile, ...preparing, imagesLoaded]
}

/** The needs of the first observation: all sections that the steps observe, and the API paths of `verify`. */
export function firstNeeds(plan: readonly Step[]): Needs {
  const sections = new Set(plan.flatMap(({ needs }) => [...needs.sections]))
  const goal = plan.find(({ name }) => name === verify.name)
  return { sections: [...sections], ...(goal?.needs.api ? { api: goal.needs.api } : {}) }
}

/** The step that has to be done when an attempt ends. Undefined where the attempt only writes files. */
export function goalIn(plan: readonly Step[], { changes }: Pick<Settings, 'changes'>): Step | undefined {
  return changes === 'files' ? undefined : plan.find(({ name }) => name === verify.name)
}

/** The units that may be ended with an attempt: those of steps that only stage files. */
export function endableUnits(of: Omit<PlanFor, 'settings'>): string[] {
  const staging = planFor({ ...of, settings: { exchange: 'together' } }).filter(({ changesMachine }) => !changesMachine)
  return staging.map(unitNameOf)
}

/** Entries of the work directory that a new attempt does not take over from an earlier one with the same key. */
export function renewedEntries(): string[] {
  const sources = { images: 'node-image', binaries: 'node-image' } as const
  const everyStep = planFor({ machine: { role: 'control-plane' }, sources, settings: { exchange: 'together' } })
  return everyStep.flatMap(({ renewed }) => renewed ?? [])
}

/** Access to the situation of a machine, and a way to observe more of it. */
export interface Known {
  /** Makes sure that the needs are covered by the situation. */
  know(needs: Needs): Promise<void>
  situation(): Situation
}

/** The steps of a plan that the goal needs: the step `files` only with files to write. */
export function neededOf(plan: readonly Step[], { files: wished }: Situation): Step[] {
  return plan.filter(({ name }) => name !== files.name || wished.wanted.length > 0)
}

/**
 * The steps that are left to do. A machine that runs the target keeps its programs, even when its files change. It only
 * has to become healthy, unless it is already.
 */
export async function leftOf(needed: readonly Step[], known: Known): Promise<Step[]> {
  const plan = [...needed]
  const { settings } = known.situation()
  const only = (...steps: Step[]) => plan.filter(({ name }) => steps.some((step) => step.name === name))
  const hasFiles = only(files).length > 0
  if (settings.changes === 'files') return only(files, tidy)
  if (!runsTarget(known.situation()) || isUnchecked(known.situation()) || lacksSettings(known.situation())) return plan
  const [goal = verify] = only(verify)
  await known.know(goal.needs)
  if (goal.done(known.situation()) === 'done') return only(files, tidy)
  // Programs are staged only by an attempt that changes them.
  const isHalfWay = known.situation().observation.work.entries.has('bin')
  const isOnlyToBecomeHealthy = (hasFiles && !isHalfWay) || isPastChanges(known.situation())
  return isOnlyToBecomeHealthy ? only(files, verify, tidy) : plan
}

/**
 * True when this attempt has reached its last steps. Another process may have removed the staged programs then, and a
 * machine that is briefly unhealthy is no reason to stage them again.
 */
export function isPastChanges({ record, key }: Situation): boolean {
  return record?.state === 'open' && record.request.key === key && isLastStep(record.step?.name)
}

/** True for the steps after all changes of the machine. */
export function isLastStep(name: string | undefined): boolean {
  return name === verify.name || name === tidy.name
}

/** True when all of these steps are done. Throws errors that a person has to resolve. */
export async function isNothingLeft(left: readonly Step[], { know, situation }: Known): Promise<boolean> {
  for (const step of left) {
    await know(step.needs)
    if (!isDoneNow(step, situation())) return false
  }
  return true
}

// False also while an error that may resolve itself blocks the step.
function isDoneNow(step: Step, situation: Situation): boolean {
  try {
    return step.done(situation) === 'done'
  } catch (thrown) {
    const error = coded(thrown)
    if (error.answer !== 'progress') throw error
    return false
  }
}

// True when the static pods were exchanged together, and kubeadm has not confirmed them yet.
function isUnchecked(situation: Situation): boolean {
  return hasInWork(situation, 'before') && !hasInWork(situation, 'kubeadm.done')
}

// True when a static pod has to be rendered again, although it has the target's version.
function lacksSettings({ pods, observation }: Situation): boolean {
  return pods !== undefined && podWithout(pods, observation) !== undefined
}

// True when all programs are at the target, even if the machine is unhealthy. For a kubelet that is not running, the
// version comes from the Node.
function runsTarget(situation: Situation): boolean {
  const { observation, machine, target } = situation
  const versions = manifestVersions(observation)
  const isComplete = machine.role === 'worker' || (versions.length === 3 && missingManifests(observation).length === 0)
  const kubelet = observation.kubelet.version || nodeKubeletVersion(situation)
  return isComplete && [kubelet, ...versions].every((version) => version === target)
}
