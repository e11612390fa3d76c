import { UpgradeError } from '../errors/upgrade-error.ts'
import { type Fault, faults, type Parameter, parameters } from './table.ts'

// A misbehaviour as a setting asks for it.
export interface Asked {
  name: string
  // All of the setting's value.
  text: string
  fault: Fault
  // What it is told, by parameter.
  given: Record<string, string>
}

// The values that the setting may have, such as fail-at:<step>[:<times>].
export const forms = Object.entries(faults)
  .filter(([, { on }]) => on !== 'discovery')
  .map(([name, fault]) => formOf(name, fault))

// Reads the value of one setting. Throws SETTING_VALUE or FAULTS_NOT_ALLOWED.
export function readFault(key: string, text: string, isAllowed: boolean): Asked | undefined {
  if (text === 'none') return undefined
  const [name = '', ...values] = text.split(':')
  const fault = Object.hasOwn(faults, name) ? faults[name] : undefined
  const wrong = (allowed: string) => new UpgradeError('SETTING_VALUE', { key, allowed })
  if (!fault || fault.on === 'discovery') throw wrong(`none, ${forms.join(', ')}`)
  const told = fault.takes.map((parameter, i) => [parameter, values[i] ?? parameters[parameter].usual] as const)
  const isRight = told.every(([parameter, value]) => parameters[parameter].allowed.test(value))
  const legend = fault.takes.map((parameter) => ` (<${parameter}> one of ${parameters[parameter].are})`).join('')
  if (!isRight || values.length > told.length) throw wrong(formOf(name, fault) + legend)
  if (!isAllowed) throw new UpgradeError('FAULTS_NOT_ALLOWED', { key })
  return { name, text, fault, given: Object.fromEntries(told) }
}

export function formOf(name: string, { takes }: Fault): string {
  const nested = (rest: string, parameter: Parameter) =>
    parameters[parameter].usual === '' ? `:<${parameter}>${rest}` : `[:<${parameter}>${rest}]`
  return name + takes.reduceRight(nested, '')
}
