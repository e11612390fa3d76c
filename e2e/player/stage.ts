import { type ReleaseServer, serveReleases } from '../../scripts/lab/cluster/release-server.ts'
import { type Lab, labUp } from '../../scripts/lab/verbs/lab.ts'
import { inMachine } from '../witness/exec.ts'
import type { Role } from '../witness/role.ts'
import { discover } from './cluster-api.ts'
import { capturedRequest, type Replacements } from './requests.ts'
import { type Service, startService } from './service.ts'

/** What a run on machines of the lab needs: the lab, a release server where dl.k8s.io is out of reach, and the service. */
export interface Stage {
  lab: Lab
  releases: ReleaseServer | undefined
  service: Service
  /** The path of each hook, from discovery. */
  paths: Map<string, string>
  /** The cluster's CA (PEM). */
  ca: string
  /** Ends the service with a signal and starts another one in its place. */
  restart(signal: 'SIGTERM' | 'SIGKILL', environment?: Record<string, string>): Promise<void>
  /** Starts one more replica of the service. The caller stops it. */
  replica(): Promise<Service>
  /** Stops the service and the release server. Returns the last warnings and errors of the service's log. */
  close(): Promise<string[]>
}

interface StageOptions {
  /** Whether the lab gets new machines. */
  fresh: boolean
  /** How many workers the lab has; 1 by default. */
  workers?: number
  /** Which of the lab's versions new machines have, by default `from`. */
  at?: 'from' | 'to'
  /** Environment variables of the service. */
  environment?: Record<string, string>
}

/** Brings up the lab, starts the service and runs `act`. When it fails, the end of the service's log is printed. */
export async function onStage<T>(options: StageOptions, act: (stage: Stage) => Promise<T>): Promise<T> {
  const { fresh, workers = 1, at = 'from' } = options
  const lab = await labUp({ fresh, workers, at })
  return onStageOf(lab, options.environment ?? {}, act)
}

/** Does the same as `onStage`, on machines that exist already. `environment` is that of the service. */
export async function onStageOf<T>(
  lab: Lab,
  environment: Record<string, string>,
  act: (stage: Stage) => Promise<T>,
): Promise<T> {
  const stage = await setStage(lab, environment)
  const [outcome] = await Promise.allSettled([act(stage)])
  const warnings = await stage.close()
  if (outcome.status === 'fulfilled') return outcome.value
  const isAborted = outcome.reason.name === 'AbortError'
  if (!isAborted && warnings.length > 0) console.error(['\nThe last warnings of the service:', ...warnings].join('\n'))
  throw outcome.reason
}

async function setStage(lab: Lab, given: Record<string, string>): Promise<Stage> {
  const releases = 'folder' in lab.releases ? await serveReleases({ host: lab.gateway, ...lab.releases }) : undefined
  const base = {
    UPGRADER_BINARIES_URL: releases ? `${releases.url}/release` : (lab.releases as { url: string }).url,
  }
  const stage: Stage = {
    lab,
    releases,
    service: await startService({ ...base, ...given }),
    paths: new Map(),
    ca: await inMachine(lab.controlPlane, ['cat', '/etc/kubernetes/pki/ca.crt']),
    async restart(signal, environment = {}) {
      await stage.service.stop(signal)
      stage.service = await startService({ ...base, ...given, ...environment })
    },
    replica: () => startService({ ...base, ...given }),
    async close() {
      const warnings = await stage.service.stop()
      await releases?.close()
      return warnings
    },
  }
  stage.paths = await discover(stage.service)
  return stage
}

/** The lab's machine of a role. */
export function machineOf({ lab }: Pick<Stage, 'lab'>, role: Role): string {
  return role === 'control-plane' ? lab.controlPlane : lab.worker
}

/** What a capturedRequest request needs to be about the lab's machine of a role. */
export function replacementsFor(stage: Stage, role: Role): Replacements {
  const { cluster, from, to } = stage.lab
  return { cluster, machine: machineOf(stage, role), from, to, ca: stage.ca }
}

/** The path of a hook. Throws when discovery does not name it. */
export function pathOf({ paths }: Stage, hook: string): string {
  const path = paths.get(hook)
  if (path === undefined) throw new Error(`discovery does not name ${hook}`)
  return path
}

/** The UpdateMachine request for the lab's machine of a role, as Cluster API sends it. */
export function updateRequest(stage: Stage, role: Role, settings: Record<string, string> = {}) {
  return { ...capturedRequest(`update-machine.${role}`, replacementsFor(stage, role)), settings }
}
