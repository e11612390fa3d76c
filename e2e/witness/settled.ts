import { retry, retryUntil } from '../../scripts/host/retry.ts'
import { type Snapshot, snapshot } from './snapshot.ts'
import { type Expected, isAt } from './verify.ts'

const limitSeconds = 90

/**
 * Takes a snapshot of a machine, and retries for up to 90 s: after an earlier attempt the API server may be away for a
 * moment. Throws the last error.
 */
export async function reachableSnapshot(machine: string, controlPlane: string, signal: AbortSignal): Promise<Snapshot> {
  let lastError: unknown
  const probe = async () => {
    try {
      return await snapshot(machine, controlPlane)
    } catch (thrown) {
      if (lastError === undefined) console.log(`\nWaiting up to ${limitSeconds} s for a snapshot of ${machine}`)
      lastError = thrown
      return undefined
    }
  }
  const seen = await retry(probe, { limitSeconds, everySeconds: 1, signal })
  if (!seen) throw lastError
  return seen
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
  return retryUntil(
    () => snapshot(machine, controlPlane),
    (seen) => isAt(seen, expected) || seen.node.kubeletVersion !== expected.version,
    { limitSeconds, everySeconds: 1, signal },
  )
}
