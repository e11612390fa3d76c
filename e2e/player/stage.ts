import { type ReleaseServer, serveReleases } from '../../scripts/lab/cluster/release-server.ts'
import { type Lab, labUp } from '../../scripts/lab/verbs/lab.ts'
import { inMachine } from '../witness/exec.ts'
import type { Role } from '../witness/role.ts'
import { discover } from './cluster-api.ts'
import { captured, type Subject } from './requests.ts'
import { type Service, startService } from './service.ts'

// What every run on real machines needs: the lab, a server of releases where dl.k8s.io is out of reach, and the
// service, started as an operator would.
export interface Stage {
  lab: Lab
  releases: ReleaseServer | undefined
  service: Service
  // Hook to path, as discovery gave them.
  paths: Map<string, string>
  // The cluster's CA, PEM.
  ca: string
  // Ends the service, as a crash does when told so, and starts another in its place.
  restart(signal: 'SIGTERM' | 'SIGKILL', environment?: Record<string, string>): Promise<void>
  // Starts one more service like the first, which the caller stops.
  replica(): Promise<Service>
  // Gives the last warnings and errors of the service's log.
  close(): Promise<string[]>
}

interface Options {
  fresh: boolean
  // How many workers the lab has; 1 by default.
  workers?: number
  // Of the service.
  environment?: Record<string, string>
}

// Sets a stage, acts on it and clears it. Where the act fails, the service's log says why before it is gone.
export async function onStage<T>(options: Options, act: (stage: Stage) => Promise<T>): Promise<T> {
  const lab = await labUp({ fresh: options.fresh, workers: options.workers ?? 1 })
  return onStageOf(lab, options.environment ?? {}, act)
}

/** The same on machines that are there already; `environment` is the service's. */
export async function onStageOf<T>(
  lab: Lab,
  environment: Record<string, string>,
  act: (stage: Stage) => Promise<T>,
): Promise<T> {
  const stage = await setStage(lab, environment)
  const [outcome] = await Promise.allSettled([act(stage)])
  const trouble = await stage.close()
  if (outcome.status === 'fulfilled') return outcome.value
  const isAsked = outcome.reason.name === 'AbortError'
  if (!isAsked && trouble.length > 0) console.error(['\nThe service logged at last:', ...trouble].join('\n'))
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
      const trouble = await stage.service.stop()
      await releases?.close()
      return trouble
    },
  }
  stage.paths = await discover(stage.service)
  return stage
}

export function machineOf({ lab }: Pick<Stage, 'lab'>, role: Role): string {
  return role === 'control-plane' ? lab.controlPlane : lab.worker
}

export function subjectOf(stage: Stage, role: Role): Subject {
  const { cluster, from, to } = stage.lab
  return { cluster, machine: machineOf(stage, role), from, to, ca: stage.ca }
}

export function pathOf({ paths }: Stage, hook: string): string {
  const path = paths.get(hook)
  if (path === undefined) throw new Error(`discovery does not name ${hook}`)
  return path
}

// The UpdateMachine request of a machine, as Cluster API would send it.
export function updateRequest(stage: Stage, role: Role, settings: Record<string, string> = {}) {
  return { ...captured(`update-machine.${role}`, subjectOf(stage, role)), settings }
}
