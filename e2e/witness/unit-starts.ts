import { shellIn } from './exec.ts'

/**
 * The units of the service in the order of their starts, one entry per start, from the machine's journal, which outlives the
 * service. Each is named after its step. The journal has one upgrade only if the machine is new.
 */
export async function unitStarts(machine: string): Promise<string[]> {
  const journal = await shellIn(
    machine,
    "journalctl -o cat --no-pager _PID=1 | grep '^Started capd-kubeadm-upgrader-' || true",
  )
  return stepsIn(journal)
}

/** The steps whose units the lines `Started <unit>` of a journal name. */
export function stepsIn(journal: string): string[] {
  return [...journal.matchAll(/^Started capd-kubeadm-upgrader-([\w-]+)\.service/gm)].map(([, step = '']) => step)
}
