import Type from 'typebox'
import { failureResponse, type HookResponse } from '../contract/answers.ts'
import type { hooks } from '../contract/catalogue.ts'
import { parser } from '../contract/parse.ts'
import { UpgradeError } from '../errors/upgrade-error.ts'
import type { Handlers } from '../hooks/handlers.ts'
import { valueAt } from '../kubernetes/json.ts'
import type { Clock } from '../upgrade/clock.ts'
import type { Upgrades } from '../upgrade/upgrades.ts'
import { type RequestedFault, readFault } from './requested.ts'

const parse = parser(Type.Object({ settings: Type.Optional(Type.Record(Type.String(), Type.String())) }))

interface FaultOptions {
  /** True when calls may request faults. */
  allowed: boolean
  discoveryFails: boolean
  clock: Clock
  /** Called with the name of each injected fault. */
  onFault: (name: string) => void
}

/** The fault setting that applies to a request, and the request with only that one, under the key `fault`. */
interface FaultSetting {
  key: string
  text: string
  body: string
}

/**
 * Adds fault injection, which tests request by the settings of a call, to the handlers. The rest of src/ works without
 * it. When faults are not allowed, a call that requests one throws FAULTS_NOT_ALLOWED.
 */
export function withFaults(handlers: Handlers, options: FaultOptions): Handlers<HookResponse | Response> {
  const { allowed, discoveryFails, clock, onFault } = options
  const around = (hook: keyof typeof hooks) => async (request: string) => {
    const { key, text, body } = faultSettingIn(request)
    const requested = readFault(key, text, allowed)
    if (!requested?.fault.answer || !isFor(requested, hook)) return handlers[hook](body)
    onFault(requested.name)
    const { does, answer } = requested.fault
    const named = (response: HookResponse) => ({
      ...response,
      message: `misbehaviour ${text}: ${response.message || does}`,
    })
    return answer({ hook, requested, clock, named, respond: async () => named(await handlers[hook](body)) })
  }
  return {
    discovery(body) {
      if (!discoveryFails) return handlers.discovery(body)
      onFault('discovery-fails')
      return failureResponse('Discovery', new UpgradeError('MISBEHAVIOUR', { name: 'discovery-fails' }))
    },
    canUpdateMachine: around('canUpdateMachine'),
    canUpdateMachineSet: around('canUpdateMachineSet'),
    updateMachine: around('updateMachine'),
  }
}

/** Checks the fault that a call of start or a hook requests. Throws SETTING_VALUE and FAULTS_NOT_ALLOWED. */
export function withCheckedFaults(upgrades: Upgrades, allowed: boolean): Upgrades {
  return {
    ...upgrades,
    start(task) {
      readFault('fault', task.settings.fault, allowed)
      upgrades.start(task)
    },
  }
}

function isFor({ args, fault }: RequestedFault, hook: keyof typeof hooks): boolean {
  const kind = hook === 'updateMachine' ? 'update-machine' : 'can-update'
  return ['all', kind].includes(args.hook ?? fault.on)
}

/** A key for the cluster of the request has precedence over the key for all clusters. */
function faultSettingIn(body: string): FaultSetting {
  const request = parse(body)
  const { settings = {} } = request
  const own = keyOfCluster(request)
  const key = Object.hasOwn(settings, own) ? own : 'fault'
  const text = settings[key] ?? 'none'
  const others = Object.entries(settings).filter(([name]) => !isKeyOfCluster(name))
  if (others.length === Object.keys(settings).length) return { key, text, body }
  const plain = { ...request, settings: { ...Object.fromEntries(others), fault: text } }
  return { key, text, body: JSON.stringify(plain) }
}

/**
 * `fault/<namespace>/<cluster>`. Requests do not contain the Cluster, so its name comes from the label of the Machine
 * or MachineSet.
 */
function keyOfCluster(request: unknown): string {
  const object = valueAt(request, ['desired', 'machine']) ?? valueAt(request, ['desired', 'machineSet'])
  const label = valueAt(object, ['metadata', 'labels', 'cluster.x-k8s.io/cluster-name'])
  const cluster = label ?? valueAt(object, ['spec', 'clusterName'])
  return `fault/${valueAt(object, ['metadata', 'namespace'])}/${cluster}`
}

function isKeyOfCluster(key: string): boolean {
  return /^fault\/[^/]+\/[^/]+$/.test(key)
}
