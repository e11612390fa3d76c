import { UpgradeError } from '../errors/upgrade-error.ts'
import { type FaultDefinition, faults, type ParameterName, parameters } from './table.ts'

/** A fault that a setting requests. */
export interface RequestedFault {
  name: string
  /** The whole value of the setting. */
  text: string
  fault: FaultDefinition
  /** The arguments after the name, by parameter. */
  args: Record<string, string>
}

/** The allowed forms of the setting, such as `fail-at:<step>[:<times>]`. */
export const forms = Object.values(faults)
  .filter(({ on }) => on !== 'discovery')
  .map(({ form }) => form)

/** Parses the value of a fault setting. Returns undefined for `none`. Throws SETTING_VALUE or FAULTS_NOT_ALLOWED. */
export function readFault(key: string, text: string, isAllowed: boolean): RequestedFault | undefined {
  if (text === 'none') return undefined
  const [name = '', ...values] = text.split(':')
  const fault = Object.hasOwn(faults, name) ? faults[name] : undefined
  if (!fault || fault.on === 'discovery') {
    throw new UpgradeError('SETTING_VALUE', { key, allowed: ['none', ...forms].join(', ') })
  }
  const args = argumentsOf(fault, values)
  if (!args) throw new UpgradeError('SETTING_VALUE', { key, allowed: fault.form + legendOf(fault) })
  if (!isAllowed) throw new UpgradeError('FAULTS_NOT_ALLOWED', { key })
  return { name, text, fault, args }
}

/** The arguments by parameter, with defaults; undefined if there are too many or one is invalid. */
function argumentsOf({ takes }: FaultDefinition, values: string[]): Record<string, string> | undefined {
  if (values.length > takes.length) return undefined
  const args: Record<string, string> = {}
  for (const [i, name] of takes.entries()) {
    const parameter = parameters[name]
    const value = values[i] ?? parameter.default
    if (!parameter.isAllowed(value)) return undefined
    args[name] = value
  }
  return args
}

function legendOf({ takes }: FaultDefinition): string {
  return takes.map((name: ParameterName) => ` (<${name}> one of ${parameters[name].allowed})`).join('')
}
