import { setTimeout as sleep } from 'node:timers/promises'
import { parse, stringify } from 'yaml'
import { changeClusterConfiguration } from '../player/control-plane-controller.ts'
import type { Stage } from '../player/stage.ts'
import type { Role } from '../witness/role.ts'
import { snapshot } from '../witness/snapshot.ts'
import { problems } from '../witness/verify.ts'

/** What the message of an undone exchange has to contain. */
export interface ExpectedUndo {
  component: string
  /** A word of the component's last log line. */
  word: string
}

/** What to report of a fault that has ended. */
export interface FaultReport {
  /** Why the row is inconclusive. */
  unjudged?: string
  /** What failed during the fault. */
  wrong?: string[]
  /** What else was observed. */
  note?: string
}

interface Argument {
  name: string
  value: string
}

interface ClusterConfiguration {
  apiServer?: { extraArgs?: Argument[] | Record<string, string> }
}

// The startup probes of the old static pods run again.
const settleMs = 90_000

/** Adds an unknown argument of the API server to the ClusterConfiguration in kubeadm-config. */
export function breakArgument(controlPlane: string, name: string): Promise<void> {
  return changeClusterConfiguration(controlPlane, (text) => withArgument(text, name))
}

/** Removes the argument from kubeadm-config. */
export function mendArgument(controlPlane: string, name: string): Promise<void> {
  return changeClusterConfiguration(controlPlane, (text) => withoutArgument(text, name))
}

/** Adds an argument of the API server to a ClusterConfiguration. Arguments are a list since kubeadm.k8s.io/v1beta4, a map before. */
export function withArgument(text: string, name: string): string {
  return changed(text, (given) => {
    if (Array.isArray(given)) return [...given, { name, value: 'x' }]
    return given ? { ...given, [name]: 'x' } : [{ name, value: 'x' }]
  })
}

/** Removes an argument of the API server from a ClusterConfiguration. */
export function withoutArgument(text: string, name: string): string {
  return changed(text, (given) => {
    if (Array.isArray(given)) return given.filter((argument) => argument.name !== name)
    return given && Object.fromEntries(Object.entries(given).filter(([key]) => key !== name))
  })
}

type Arguments = Argument[] | Record<string, string>

function changed(text: string, change: (given: Arguments | undefined) => Arguments | undefined): string {
  const configuration = parse(text) as ClusterConfiguration
  const extraArgs = change(configuration.apiServer?.extraArgs)
  return stringify({ ...configuration, apiServer: { ...configuration.apiServer, ...(extraArgs && { extraArgs }) } })
}

interface UndoneMachine {
  stage: Stage
  machine: string
  role: Role
  /** The message of the service. */
  message: string
}

/** Waits up to 90 s until a machine whose exchange was undone is all at the old version and Ready. Checks the message, too. */
export async function untilUndone(
  { stage, machine, role, message }: UndoneMachine,
  expected: ExpectedUndo,
): Promise<FaultReport> {
  const { controlPlane, from } = stage.lab
  const began = Date.now()
  const missing = [expected.component, expected.word].filter((word) => !message.includes(word))
  const wrong = missing.map((word) => `the message does not contain ${word}: ${message}`)
  for (; ; await sleep(1000)) {
    const seen = await snapshot(machine, controlPlane).catch(() => undefined)
    const found = seen
      ? problems(seen, seen, { role, version: from, kubeProxy: false })
      : [`no snapshot of ${machine} could be taken`]
    const seconds = Math.round((Date.now() - began) / 1000)
    if (found.length === 0) return { wrong, note: `all at ${from} and Ready ${seconds} s after the report: ${message}` }
    if (Date.now() - began > settleMs) return { wrong: [...wrong, ...found.map((what) => `during the fault: ${what}`)] }
  }
}
