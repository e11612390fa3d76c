import { setTimeout as sleep } from 'node:timers/promises'
import { parse, stringify } from 'yaml'
import { changeClusterConfiguration } from '../player/control-plane-controller.ts'
import type { Stage } from '../player/stage.ts'
import type { Role } from '../witness/role.ts'
import { snapshot } from '../witness/snapshot.ts'
import { problems } from '../witness/verify.ts'

/** What the message of an exchange that was undone has to name. */
export interface Undone {
  component: string
  /** A word of the last line that the component logged. */
  word: string
}

/** What is to be reported of a fault that is over. */
export interface Mended {
  /** Why the row proves nothing. */
  unjudged?: string
  /** What was not as it should be while it lasted. */
  wrong?: string[]
  /** What else was seen. */
  note?: string
}

interface Argument {
  name: string
  value: string
}

interface ClusterConfiguration {
  apiServer?: { extraArgs?: Argument[] | Record<string, string> }
}

// The startup probes of the old static pods run once more.
const settleMs = 90_000

/** Gives the API servers of the cluster an argument that does not exist, in kubeadm's configuration alone. */
export function breakArgument(controlPlane: string, name: string): Promise<void> {
  return changeClusterConfiguration(controlPlane, (text) => withArgument(text, name))
}

/** Takes it away again. */
export function mendArgument(controlPlane: string, name: string): Promise<void> {
  return changeClusterConfiguration(controlPlane, (text) => withoutArgument(text, name))
}

/** A ClusterConfiguration with one more argument of the API server: a list since kubeadm.k8s.io/v1beta4, a map before. */
export function withArgument(text: string, name: string): string {
  return changed(text, (given) => {
    if (Array.isArray(given)) return [...given, { name, value: 'x' }]
    return given ? { ...given, [name]: 'x' } : [{ name, value: 'x' }]
  })
}

/** A ClusterConfiguration without this argument of the API server. */
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

interface Looked {
  stage: Stage
  machine: string
  role: Role
  /** What the service reported. */
  message: string
}

/** Looks at a machine whose exchange was undone: it has to be all at the old version and Ready, and the message to say why. */
export async function untilUndone({ stage, machine, role, message }: Looked, expected: Undone): Promise<Mended> {
  const { controlPlane, from } = stage.lab
  const began = Date.now()
  const lacks = [expected.component, expected.word].filter((word) => !message.includes(word))
  const wrong = lacks.map((word) => `the message does not name ${word}: ${message}`)
  for (; ; await sleep(1000)) {
    const seen = await snapshot(machine, controlPlane).catch(() => undefined)
    const found = seen ? problems(seen, seen, role, from, false) : [`${machine} cannot be looked at`]
    const seconds = Math.round((Date.now() - began) / 1000)
    if (found.length === 0) return { wrong, note: `all at ${from} and Ready ${seconds} s after the report: ${message}` }
    if (Date.now() - began > settleMs) return { wrong: [...wrong, ...found.map((what) => `while it lasted: ${what}`)] }
  }
}
