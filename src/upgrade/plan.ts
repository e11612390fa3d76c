import type { Settings } from '../contract/settings.ts'
import { coded } from '../errors/upgrade-error.ts'
import { podWithout } from './pod-settings.ts'
import { manifestVersions, missingManifests } from './static-pods.ts'
import { hasInWork, type Needs, type Plan, type PlanFor, type Situation, type Step, unitNameOf } from './step.ts'
import { apiServers } from './steps/api-servers.ts'
import { binaries } from './steps/binaries.ts'
import { exchange } from './steps/exchange.ts'
import { files } from './steps/files.ts'
import { imageArchive } from './steps/image-archive.ts'
import { imageList } from './steps/image-list.ts'
import { images } from './steps/images.ts'
import { kubeadm, kubeadmAfterExchange } from './steps/kubeadm.ts'
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
 * The way to the target, in order. Static pods and programs are exchanged together; then kubeadm, static-pods and kubelet
 * only find that nothing is left to do. Or one after the other: then nothing in /usr/bin changes before the static pods run
 * at the target.
 */
export const planFor: Plan = ({ machine, sources, settings }) => {
  const bringImages = sources.images === 'pull' ? [images] : [imageArchive, images]
  const isTakenFrom = sources.images === 'node-image' || sources.binaries === 'node-image'
  const checks = isTakenFrom ? [preflight, nodeImage] : [preflight]
  const staging = [binaries, kubeadmConfig, imageList, ...bringImages]
  if (machine.role === 'control-plane') {
    const upgrade = settings.exchange === 'together' ? [render, prepare, exchange, kubeadmAfterExchange] : [kubeadm]
    return [...checks, manifests, ...staging, files, ...upgrade, staticPods, kubelet, verify, tidy]
  }
  return [...checks, ...staging, apiServers, files, kubeadm, kubelet, verify, tidy]
}

/** What the first look covers: all that a plan observes of the machine itself, and what its goal reads of the API. */
export function firstNeeds(plan: readonly Step[]): Needs {
  const sections = new Set(plan.flatMap(({ needs }) => [...needs.sections]))
  const goal = plan.find(({ name }) => name === verify.name)
  return { sections: [...sections], ...(goal?.needs.api ? { api: goal.needs.api } : {}) }
}

/** What an attempt has to have found when it ends: the last of its looks. Undefined where it writes files alone. */
export function goalIn(plan: readonly Step[], { changes }: Pick<Settings, 'changes'>): Step | undefined {
  return changes === 'files' ? undefined : plan.find(({ name }) => name === verify.name)
}

/** Units that may be ended with an attempt: they have changed nothing yet. */
export function endableUnits(of: Omit<PlanFor, 'settings'>): string[] {
  const staging = planFor({ ...of, settings: { exchange: 'together' } }).filter(({ changes }) => !changes)
  return staging.map(unitNameOf)
}

/** What a plan is asked with: a way to know more, and the situation by what is known. */
export interface Known {
  know(needs: Needs): Promise<void>
  situation(): Situation
}

/** The steps of a plan that this goal has a use for: without files there is nothing to write. */
export function neededOf(plan: readonly Step[], { files: wished }: Situation): Step[] {
  return plan.filter(({ name }) => name !== files.name || wished.wanted.length > 0)
}

/**
 * What of the needed steps there is to do. A machine that runs the target keeps its programs, whatever its files are to be: it
 * only has to be well, unless it was found well just now.
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
  // The programs are staged only for an attempt that changes them.
  const isHalfWay = known.situation().observation.work.entries.has('bin')
  const isOnlyToBeWell = (hasFiles && !isHalfWay) || isPastChanges(known.situation())
  return isOnlyToBeWell ? only(files, verify, tidy) : plan
}

/**
 * True where this attempt has come to its last steps: another process may have tidied up, and a machine that is not well
 * for a moment then is no reason to stage the programs again.
 */
export function isPastChanges({ record, key }: Situation): boolean {
  return record?.state === 'open' && record.request.key === key && isLastStep(record.step?.name)
}

/** True for the steps that follow all changes of the machine. */
export function isLastStep(name: string | undefined): boolean {
  return name === verify.name || name === tidy.name
}

/** True when every one of these steps is done already. Throws an error that needs a person. */
export async function isNothingLeft(left: readonly Step[], { know, situation }: Known): Promise<boolean> {
  for (const step of left) {
    await know(step.needs)
    if (!isDoneNow(step, situation())) return false
  }
  return true
}

// False also while an error that may pass keeps the step from being done.
function isDoneNow(step: Step, situation: Situation): boolean {
  try {
    return step.done(situation) === 'done'
  } catch (thrown) {
    const error = coded(thrown)
    if (error.answer !== 'progress') throw error
    return false
  }
}

// True when the static pods were exchanged together and kubeadm has not found them to be its own yet.
function isUnchecked(situation: Situation): boolean {
  return hasInWork(situation, 'before') && !hasInWork(situation, 'kubeadm.done')
}

// True when a static pod has to be rendered again, though it is of the target's version.
function lacksSettings({ pods, observation }: Situation): boolean {
  return pods !== undefined && podWithout(pods, observation) !== undefined
}

// True when no program is left to be changed, though the machine may not be well. A kubelet that does not run at the
// moment is the one that the Node reports.
function runsTarget(situation: Situation): boolean {
  const { observation, machine, target } = situation
  const versions = manifestVersions(observation)
  const isComplete = machine.role === 'worker' || (versions.length === 3 && missingManifests(observation).length === 0)
  const kubelet = observation.kubelet.version || nodeKubeletVersion(situation)
  return isComplete && [kubelet, ...versions].every((version) => version === target)
}
