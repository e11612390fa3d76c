import { createHash } from 'node:crypto'
import type { KubeObject, StartRequest, UpdateMachineRequest } from '../contract/objects.ts'
import { readSettings, type Settings } from '../contract/settings.ts'
import { configObjection, infrastructureObjection } from '../decide/config.ts'
import { UpgradeError } from '../errors/upgrade-error.ts'
import { digestOf, type Files, fileRules, filesOf, noFileRules } from '../kubernetes/desired-files.ts'
import { isPlainPath } from '../kubernetes/file-places.ts'
import { valueAt } from '../kubernetes/json.ts'
import { backendOf, isKubeadmConfig, roleOf } from '../kubernetes/kinds.ts'
import { patchesDirectory } from '../kubernetes/patches.ts'
import { type PodSettings, podSettingsObjection, podSettingsOf } from '../kubernetes/pod-settings.ts'
import { parseVersion, type Role } from '../kubernetes/versions.ts'
import { containerOf, type MachineReference } from '../machine/locate.ts'

/** A requested update of one machine. */
export interface Task extends MachineReference {
  version: string
  files: Files
  /** The directory of kubeadm patches in the machine. */
  patches: string | undefined
  /** The settings of static pods to apply; undefined where they are not applied. */
  pods: PodSettings | undefined
  /** Identifies version, files, patches and settings of static pods. Failures and attempts are recorded per key. */
  key: string
  /** True for a machine of the in-memory backend, which has no container. */
  simulated: boolean
  settings: Settings
}

/**
 * Reads the task from an UpdateMachine request and validates it. Throws BACKEND_UNSUPPORTED,
 * BOOTSTRAP_UNSUPPORTED, CONFIG_UNSUPPORTED, PROVIDER_ID_…, VERSION_… and SETTING_… errors, and UPDATES_DISABLED.
 */
export function taskOfMachine({ settings: given, desired }: UpdateMachineRequest): Task {
  const { machine, infrastructureMachine, bootstrapConfig } = desired
  const settings = enabledSettings(given)
  const simulated = isSimulated(infrastructureMachine, settings)
  if (bootstrapConfig && !isKubeadmConfig(bootstrapConfig)) {
    throw new UpgradeError('BOOTSTRAP_UNSUPPORTED', { kind: bootstrapConfig.kind })
  }
  const version = checkedVersion(machine.spec.version)
  const role = roleOf(machine)
  const spec = bootstrapConfig?.spec
  if (!simulated) checkObjects(desired, role)
  const files = filesOf(settings.changes === 'version' ? undefined : spec, simulated ? noFileRules : fileRules(spec))
  const patches = patchesDirectory(spec, role)
  const isApplied = !simulated && podSettingsObjection({ role, ...settings, version, spec }) === undefined
  const pods = isApplied ? podSettingsOf(spec) : undefined
  return {
    // With a slash, the name differs from that of any container.
    container: simulated
      ? `${machine.metadata.namespace}/${machine.metadata.name}`
      : containerOf(machine.spec.providerID),
    cluster: machine.spec.clusterName,
    role,
    version,
    caCertHashes: caCertHashesOf(spec),
    files,
    patches,
    pods,
    key: keyOf(version, files, patches, pods),
    simulated,
    settings,
  }
}

/**
 * Reads the task from a request of start or sync, which has no files. Throws PROVIDER_ID_…, VERSION_… and SETTING_…
 * errors, UPDATES_DISABLED, and REQUEST_INVALID for an invalid directory of patches.
 */
export function taskOfStart(request: StartRequest): Task {
  const { providerID, clusterName, version, role, patchesDirectory: patches } = request
  if (patches !== undefined && !isPlainPath(patches)) {
    throw new UpgradeError('REQUEST_INVALID', {
      what: '/patchesDirectory must be an absolute, clean path in plain characters',
    })
  }
  const files = filesOf(undefined)
  return {
    container: containerOf(providerID),
    cluster: clusterName,
    role,
    version: checkedVersion(version),
    caCertHashes: request.caCertHashes ?? [],
    files,
    patches,
    pods: undefined,
    key: keyOf(version, files, patches),
    simulated: false,
    settings: enabledSettings(request.settings),
  }
}

function enabledSettings(given: Record<string, string> | undefined): Settings {
  const settings = readSettings(given)
  if (settings.disableInPlaceUpdates === 'true') throw new UpgradeError('UPDATES_DISABLED')
  return settings
}

function isSimulated(infrastructureMachine: KubeObject, { inMemory }: Settings): boolean {
  const backend = backendOf(infrastructureMachine)
  if (backend === 'docker') return false
  if (backend === 'inMemory' && inMemory === 'simulate') return true
  throw new UpgradeError('BACKEND_UNSUPPORTED', { kind: infrastructureMachine.kind })
}

// Another version of this service may have accepted the change.
function checkObjects({ bootstrapConfig, infrastructureMachine }: UpdateMachineRequest['desired'], role: Role): void {
  const config = configObjection(bootstrapConfig?.spec, role)
  if (config) throw new UpgradeError('CONFIG_UNSUPPORTED', { object: 'KubeadmConfig', ...config })
  const machine = infrastructureObjection(infrastructureMachine, infrastructureMachine.spec, role)
  if (machine) throw new UpgradeError('CONFIG_UNSUPPORTED', { object: infrastructureMachine.kind, ...machine })
}

function checkedVersion(version: string | undefined): string {
  if (!version) throw new UpgradeError('VERSION_MISSING')
  parseVersion(version)
  return version
}

// The hashes with which kubeadm join pins the cluster's CA. Source: kubeadm v1beta4, BootstrapTokenDiscovery.
function caCertHashesOf(spec: unknown): string[] {
  const hashes = valueAt(spec, ['joinConfiguration', 'discovery', 'bootstrapToken', 'caCertHashes'])
  return Array.isArray(hashes) ? hashes.filter((hash) => typeof hash === 'string') : []
}

function keyOf(version: string, { wanted }: Files, patches: string | undefined, pods?: PodSettings): string {
  const digest = createHash('sha256').update(wanted.map(digestOf).join()).digest('hex')
  return [
    version,
    ...(wanted.length === 0 ? [] : [`with files ${digest.slice(0, 12)}`]),
    ...(patches === undefined ? [] : [`with patches of ${patches}`]),
    ...(pods === undefined ? [] : [`with settings ${pods.digest.slice(0, 12)}`]),
  ].join(' ')
}
