import { setTimeout as sleep } from 'node:timers/promises'
import { type Snapshot, snapshot } from './snapshot.ts'
import { type Expected, isAt } from './verify.ts'

const limitSeconds = 90

/**
 * Takes a snapshot of a machine, and retries for up to 90 s: after an earlier attempt the API server may be away for a
 * moment. Throws the last error.
 */
export async function reachableSnapshot(machine: string, controlPlane: string, signal: AbortSignal): Promise<Snapshot> {
  const limit = Date.now() + limitSeconds * 1000
  for (let tries = 1; ; tries++) {
    try {
      return await snapshot(machine, controlPlane)
    } catch (thrown) {
      if (Date.now() > limit) throw thrown
    }
    if (tries === 1) console.log(`\nWaiting up to ${limitSeconds} s for a snapshot of ${machine}`)
    await sleep(1000, undefined, { signal })
  }
}

/**
 * Waits up to 90 s until all of a machine is at the version, kube-proxy included where it is expected, and returns the last
 * snapshot. Returns at once when the Node does not report the version.
 */
export async function settledSnapshot(
  machine: string,
  controlPlane: string,
  expected: Expected,
  signal?: AbortSignal,
): Promise<Snapshot> {
  for (const limit = Date.now() + limitSeconds * 1000; ; await sleep(1000, undefined, { ...(signal && { signal }) })) {
    const seen = await snapshot(machine, controlPlane)
    if (isAt(seen, expected) || seen.node.kubeletVersion !== expected.version || Date.now() > limit) return seen
  }
}
