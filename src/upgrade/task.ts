import type { StartRequest, UpdateMachineRequest } from '../contract/objects.ts'
import { readSettings, type Settings } from '../contract/settings.ts'
import { valueAt } from '../decide/diff.ts'
import { isDockerMachine } from '../decide/kinds.ts'
import { parseVersion } from '../decide/versions.ts'
import { UpgradeError } from '../errors.ts'
import { containerOf, type Whereabouts } from '../machine/locate.ts'

// One upgrade that is asked for: which machine, and to which version.
export interface Task extends Whereabouts {
  version: string
  settings: Settings
}

// The task in a hook's request, checked as far as the request alone can tell.
// Throws BACKEND_UNSUPPORTED, PROVIDER_ID_…, VERSION_… and SETTING_… errors.
export function taskOfMachine({ settings, desired }: UpdateMachineRequest): Task {
  const { machine, infrastructureMachine, bootstrapConfig } = desired
  if (!isDockerMachine(infrastructureMachine)) {
    throw new UpgradeError('BACKEND_UNSUPPORTED', { kind: infrastructureMachine.kind })
  }
  const token = ['spec', 'joinConfiguration', 'discovery', 'bootstrapToken', 'caCertHashes']
  const hashes = valueAt(bootstrapConfig, token)
  return task({
    settings,
    providerID: machine.spec.providerID,
    clusterName: machine.spec.clusterName,
    version: machine.spec.version,
    role: 'cluster.x-k8s.io/control-plane' in (machine.metadata.labels ?? {}) ? 'control-plane' : 'worker',
    caCertHashes: Array.isArray(hashes) ? hashes.filter((hash) => typeof hash === 'string') : [],
  })
}

// The task that start and sync name; the same checks.
export const taskOfStart: (request: StartRequest) => Task = task

function task(asked: {
  settings?: Record<string, string> | undefined
  providerID: string | undefined
  clusterName: string
  version: string | undefined
  role?: Task['role']
  caCertHashes?: string[]
}): Task {
  if (!asked.version) throw new UpgradeError('VERSION_MISSING')
  parseVersion(asked.version)
  return {
    container: containerOf(asked.providerID),
    cluster: asked.clusterName,
    role: asked.role,
    version: asked.version,
    caCertHashes: asked.caCertHashes ?? [],
    settings: readSettings(asked.settings),
  }
}
