import type { Role } from '../witness/role.ts'
import { callService } from './call.ts'
import { machineOf, type Stage } from './stage.ts'

export interface Synced {
  phase: 'InProgress' | 'Done' | 'Failed'
  step: string
  message: string
  code?: string
}

export interface Asked {
  providerID?: string
  clusterName?: string
  version?: string
  settings?: Record<string, string>
}

// Start and then sync, as a caller of the service's own two endpoints does. An error answer of either is a Failed
// with its code.
export async function syncOf(stage: Stage, role: Role, asked: Asked = {}): Promise<Synced> {
  const { service, lab } = stage
  const body = {
    providerID: `docker:////${machineOf(stage, role)}`,
    clusterName: lab.cluster,
    version: lab.to,
    role,
    ...asked,
  }
  const headers = { authorization: `Bearer ${service.token}` }
  const ask = (path: string) => callService(service, 'POST', path, JSON.stringify(body), headers)
  const started = await ask('/v1/start')
  const { status, body: text } = started.status < 400 ? await ask('/v1/sync') : started
  const answer = JSON.parse(text)
  return status < 400 ? answer : { phase: 'Failed', step: '', message: answer.message, code: answer.code }
}
