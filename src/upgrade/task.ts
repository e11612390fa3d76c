import { createHash } from 'node:crypto'
import type { StartRequest, UpdateMachineRequest } from '../contract/objects.ts'
import { readSettings, type Settings } from '../contract/settings.ts'
import { configObjection } from '../decide/config.ts'
import { UpgradeError } from '../errors/upgrade-error.ts'
import { digestOf, type Files, filesOf, noFileRules } from '../kubernetes/desired-files.ts'
import { valueAt } from '../kubernetes/json.ts'
import { backendOf, isKubeadmConfig, roleOf } from '../kubernetes/kinds.ts'
import { patchesDirectory } from '../kubernetes/patches.ts'
import { parseVersion } from '../kubernetes/versions.ts'
import { containerOf, type Whereabouts } from '../machine/locate.ts'

/** One requested update: of which machine, to which version, and with which files. */
export interface Task extends Whereabouts {
  version: string
  files: Files
  /** The directory of kubeadm patches that the machine was made with. */
  patches: string | undefined
  /** One name for the version and the files: a failure with other files says nothing about these. */
  key: string
  /** A machine of the in-memory backend, which is no container: nothing is done to it. */
  simulated: boolean
  settings: Settings
}

/**
 * The task of an UpdateMachine request, checked as far as the request alone allows. Throws BACKEND_UNSUPPORTED,
 * BOOTSTRAP_UNSUPPORTED, CONFIG_UNSUPPORTED, PROVIDER_ID_…, VERSION_… and SETTING_… errors.
 */
export function taskOfMachine({ settings, desired }: UpdateMachineRequest): Task {
  const { machine, infrastructureMachine, bootstrapConfig } = desired
  const backend = backendOf(infrastructureMachine)
  const simulated = backend === 'inMemory' && readSettings(settings).inMemory === 'simulate'
  if (backend !== 'docker' && !simulated) {
    throw new UpgradeError('BACKEND_UNSUPPORTED', { kind: infrastructureMachine.kind })
  }
  if (bootstrapConfig && !isKubeadmConfig(bootstrapConfig)) {
    throw new UpgradeError('BOOTSTRAP_UNSUPPORTED', { kind: bootstrapConfig.kind })
  }
  const token = ['spec', 'joinConfiguration', 'discovery', 'bootstrapToken', 'caCertHashes']
  const hashes = valueAt(bootstrapConfig, token)
  const asked = {
    settings,
    // These names are of a namespace, and no container can have one with a slash.
    ...(simulated ? { simulated: `${machine.metadata.namespace}/${machine.metadata.name}` } : {}),
    providerID: machine.spec.providerID,
    clusterName: machine.spec.clusterName,
    version: machine.spec.version,
    role: roleOf(machine),
    caCertHashes: Array.isArray(hashes) ? hashes.filter((hash) => typeof hash === 'string') : [],
  } as const
  return task(asked, bootstrapConfig?.spec)
}

/** The task of a start or sync request, which has no files and no patches. Throws the same errors. */
export const taskOfStart = (request: StartRequest): Task => task(request, undefined)

interface Asked {
  settings?: Record<string, string> | undefined
  // The name of a machine that is no container.
  simulated?: string
  providerID: string | undefined
  clusterName: string
  version: string | undefined
  role?: Task['role']
  caCertHashes?: string[]
}

function task(asked: Asked, bootstrapSpec: unknown): Task {
  if (!asked.version) throw new UpgradeError('VERSION_MISSING')
  parseVersion(asked.version)
  const settings = readSettings(asked.settings)
  const simulated = asked.simulated !== undefined
  // Start and sync name no KubeadmConfig, and they need not name the role either.
  const role = asked.role ?? 'worker'
  const unsupported = simulated ? undefined : configObjection(bootstrapSpec, role)
  if (unsupported) throw new UpgradeError('CONFIG_UNSUPPORTED', { path: unsupported.path, why: unsupported.why })
  const spec = settings.changes === 'version' ? undefined : bootstrapSpec
  const files = simulated ? filesOf(spec, noFileRules) : filesOf(spec)
  const digest = createHash('sha256').update(files.wanted.map(digestOf).join()).digest('hex')
  return {
    container: asked.simulated ?? containerOf(asked.providerID),
    cluster: asked.clusterName,
    role: asked.role,
    version: asked.version,
    caCertHashes: asked.caCertHashes ?? [],
    files,
    patches: patchesDirectory(bootstrapSpec, role),
    key: files.wanted.length === 0 ? asked.version : `${asked.version} with files ${digest.slice(0, 12)}`,
    simulated,
    settings,
  }
}
