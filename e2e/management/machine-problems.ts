import type { Snapshot } from '../witness/snapshot.ts'
import { problems } from '../witness/verify.ts'
import { type CapiMachine, containerOf, roleOf, snapshots } from './machines.ts'
import { until } from './until.ts'

const settleSeconds = 180

/**
 * Verifies machines that are reported to be updated: they have to be the same machines as in `before`, and all of each at the
 * version. Waits up to 180 s for pods that follow later, as kube-proxy does. `all` includes a control plane machine. Returns
 * one line for each problem.
 */
export async function wrongWith(
  machines: CapiMachine[],
  before: Map<string, Snapshot>,
  version: string,
  all: CapiMachine[] = machines,
): Promise<string[]> {
  // The result until the first snapshots succeed.
  let found = ['no snapshot of the machines could be taken']
  const check = async () => {
    const after = await snapshots(machines, all)
    found = machines.flatMap((machine) => {
      const [was, is] = [before.get(containerOf(machine)), after.get(containerOf(machine))]
      if (!was || !is) return [`${containerOf(machine)} has no snapshot from before`]
      return problems(was, is, { role: roleOf(machine), version, kubeProxy: true })
    })
    return found.length === 0
  }
  await until('all machines are at the target', settleSeconds, check).catch(() => {})
  return found
}
