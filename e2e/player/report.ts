import { styleText } from 'node:util'
import type { Role } from '../witness/role.ts'
import type { Snapshot } from '../witness/snapshot.ts'
import type { Update } from './update.ts'

/** A machine of the demo, before and after. */
export interface UpgradedMachine {
  role: Role
  before: Snapshot
  after: Snapshot
  /** Undefined when there was nothing to update. */
  update: Update | undefined
}

/** Returns a table of the machines before and after, with what they kept below it. */
export function beforeAfter(machines: UpgradedMachine[]): string {
  const rows = machines.flatMap(({ before, after }) => [
    [before.machine, 'before', 'after'],
    ['  Node', describeNode(before), describeNode(after)],
    ...unionOf(before.files, after.files).map(([name, was, is]) => [`  /usr/bin/${name}`, was, is]),
    ...unionOf(before.processes, after.processes).map(([name, was, is]) => [`  ${name} (process)`, was, is]),
    ['  CoreDNS', imageOf(before, 'coredns'), imageOf(after, 'coredns')],
  ])
  const same = machines.map(({ before, after }) => {
    const kept = Object.keys(before.identity).filter((name) => before.identity[name] === after.identity[name])
    const [was, is] = [before.pods[steadyPod], after.pods[steadyPod]]
    const isKept = was !== undefined && is?.containers === was.containers
    return `${before.machine} kept: ${[...kept, ...(isKept ? [`the container of ${steadyPod}`] : [])].join(', ')}`
  })
  return [...columns(rows), ...same].join('\n')
}

/** Returns how long each message of an update was reported, which is how long its step took. */
export function secondsPerStep(machines: UpgradedMachine[]): string {
  return machines
    .flatMap(({ before, update }) => {
      if (!update) return []
      const rows = update.messages.slice(0, -1).map(({ at, message }, i) => {
        const until = update.messages[i + 1]?.at ?? update.seconds
        return [`  ${(until - at).toFixed(1).padStart(6)} s`, message]
      })
      return [`${before.machine}: ${update.seconds.toFixed(1)} s, ${update.calls} calls`, ...columns(rows)]
    })
    .join('\n')
}

const steadyPod = 'default/steady'

/** Formats a heading; bold on a terminal. */
export function heading(text: string): string {
  return styleText('bold', text, { stream: process.stdout })
}

function describeNode({ node }: Snapshot): string {
  return `${node.kubeletVersion}, ${node.ready ? 'Ready' : 'NotReady'}`
}

function imageOf({ pods }: Snapshot, name: string): string {
  const images = Object.entries(pods).filter(([pod]) => pod.startsWith(`kube-system/${name}`))
  return images.map(([, { images }]) => images.split(':').at(-1))[0] ?? '-'
}

function unionOf(before: Record<string, string>, after: Record<string, string>): [string, string, string][] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].map((name) => [
    name,
    before[name] ?? '-',
    after[name] ?? '-',
  ])
}

function columns(rows: string[][]): string[] {
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0))) ?? []
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
