import { setTimeout as sleep } from 'node:timers/promises'
import type { Role } from '../witness/role.ts'
import { type Snapshot, snapshot } from '../witness/snapshot.ts'
import { isAt } from '../witness/verify.ts'
import { machineOf, type Stage } from './stage.ts'

const settleSeconds = 90

interface Options {
  kubeProxy: boolean
  signal?: AbortSignal
}

// The machine as it is. Where an upgrade was begun before, the API server that is asked may be away, now and then.
export async function looked(machine: string, controlPlane: string, signal: AbortSignal): Promise<Snapshot> {
  const limit = Date.now() + settleSeconds * 1000
  for (let tries = 1; ; tries++) {
    try {
      return await snapshot(machine, controlPlane)
    } catch (thrown) {
      if (Date.now() > limit) throw thrown
    }
    if (tries === 1) console.log(`\nWaiting until ${machine} can be looked at, ${settleSeconds} s at most`)
    await sleep(1000, undefined, { signal })
  }
}

// The machine when the pods that were moved with it have followed: kube-proxy starts anew on every machine. One
// whose Node does not say the target is not waited for.
export async function settled(stage: Stage, role: Role, { kubeProxy, signal }: Options): Promise<Snapshot> {
  const { controlPlane, to } = stage.lab
  for (const limit = Date.now() + settleSeconds * 1000; ; await sleep(1000, undefined, { ...(signal && { signal }) })) {
    const seen = await snapshot(machineOf(stage, role), controlPlane)
    if (isAt(seen, role, to, kubeProxy) || seen.node.kubeletVersion !== to || Date.now() > limit) return seen
  }
}
