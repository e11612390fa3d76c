import type { Role } from '../witness/role.ts'
import { callService } from './call.ts'
import { machineOf, type Stage } from './stage.ts'

/** A response of start or sync. */
export interface SyncResult {
  phase: 'InProgress' | 'Done' | 'Failed'
  step: string
  message: string
  code?: string
}

/** Fields of the start request that differ from those of the lab. */
export interface RequestOverrides {
  providerID?: string
  clusterName?: string
  version?: string
  settings?: Record<string, string>
}

/** Calls start and then sync, as a client of these endpoints does. An error response of either is a Failed with its code. */
export async function syncOf(stage: Stage, role: Role, overrides: RequestOverrides = {}): Promise<SyncResult> {
  const { service, lab } = stage
  const body = {
    providerID: `docker:////${machineOf(stage, role)}`,
    clusterName: lab.cluster,
    version: lab.to,
    role,
    ...overrides,
  }
  const headers = { authorization: `Bearer ${service.token}` }
  const post = (path: string) => callService(service, 'POST', path, JSON.stringify(body), headers)
  const started = await post('/v1/start')
  const { status, body: text } = started.status < 400 ? await post('/v1/sync') : started
  const response = JSON.parse(text)
  return status < 400 ? response : { phase: 'Failed', step: '', message: response.message, code: response.code }
}
