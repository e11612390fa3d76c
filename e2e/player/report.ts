import { styleText } from 'node:util'
import type { Role } from '../witness/role.ts'
import type { Snapshot } from '../witness/snapshot.ts'
import type { Update } from './update.ts'

export interface Upgraded {
  role: Role
  before: Snapshot
  after: Snapshot
  update: Update | undefined
}

// The before and after of the machines, as a table, with what stayed the same below it.
export function beforeAfter(machines: Upgraded[]): string {
  const rows = machines.flatMap(({ before, after }) => [
    [before.machine, 'before', 'after'],
    ['  Node', describeNode(before), describeNode(after)],
    ...unionOf(before.files, after.files).map(([name, was, is]) => [`  /usr/bin/${name}`, was, is]),
    ...unionOf(before.processes, after.processes).map(([name, was, is]) => [`  ${name} (process)`, was, is]),
    ['  CoreDNS', imageOf(before, 'coredns'), imageOf(after, 'coredns')],
  ])
  const same = machines.map(({ before, after }) => {
    const kept = Object.keys(before.identity).filter((name) => before.identity[name] === after.identity[name])
    const steady = before.pods.steady && after.pods.steady?.containers === before.pods.steady.containers
    return `${before.machine} stayed the same: ${[...kept, ...(steady ? ["the pod steady's container"] : [])].join(', ')}`
  })
  return [...columns(rows), ...same].join('\n')
}

// How long each message of an update stood, which is how long its step took.
export function secondsPerStep(machines: Upgraded[]): string {
  return machines
    .flatMap(({ before, update }) => {
      if (!update) return []
      const rows = update.timeline.slice(0, -1).map(({ at, message }, i) => {
        const until = update.timeline[i + 1]?.at ?? update.seconds
        return [`  ${(until - at).toFixed(1).padStart(6)} s`, message]
      })
      return [`${before.machine}: ${update.seconds.toFixed(1)} s, ${update.calls} calls`, ...columns(rows)]
    })
    .join('\n')
}

export function heading(text: string): string {
  return styleText('bold', text, { stream: process.stdout })
}

function describeNode({ node }: Snapshot): string {
  return `${node.kubeletVersion}, ${node.ready ? 'Ready' : 'NotReady'}`
}

function imageOf({ pods }: Snapshot, name: string): string {
  const images = Object.entries(pods).filter(([pod]) => pod.startsWith(name))
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
