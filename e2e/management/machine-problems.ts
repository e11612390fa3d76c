import type { Snapshot } from '../witness/snapshot.ts'
import { problems } from '../witness/verify.ts'
import { containerOf, type Machine, roleOf, snapshots } from './machines.ts'
import { until } from './until.ts'

const settleSeconds = 180

// What is wrong with machines that are said to be updated: not the same, or not at the target in every part. Pods that
// follow later (kube-proxy, CoreDNS) are given their time. `all` has a control plane machine among them.
export async function wrongWith(
  machines: Machine[],
  before: Map<string, Snapshot>,
  version: string,
  all: Machine[] = machines,
): Promise<string[]> {
  // Until the first look is done nothing is known to be so.
  let found = ['the machines could not be looked at']
  const look = async () => {
    const after = await snapshots(machines, all)
    found = machines.flatMap((machine) => {
      const [was, is] = [before.get(containerOf(machine)), after.get(containerOf(machine))]
      if (!was || !is) return [`${containerOf(machine)} was not there before`]
      return problems(was, is, roleOf(machine), version, true)
    })
    return found.length === 0
  }
  await until('all machines are at the target', settleSeconds, look).catch(() => {})
  return found
}
