import { isDeepStrictEqual } from 'node:util'
import type { Operation } from '../contract/answers.ts'
import { type Commands, commandsOf, noCommands } from '../kubernetes/commands.ts'
import { closedBy, fileOf, formatObjection } from '../kubernetes/desired-files.ts'
import { keysOf, type Path, valueAt } from '../kubernetes/json.ts'
import { pointer, setting } from './patch.ts'

// What becomes of a list that may be accepted in part. Names are of the list or of an entry: `files.3`.
export interface Part {
  operations: Operation[]
  accepted: string[]
  declined: { name: string; why: string }[]
}

interface Entry {
  // Its path, and which one of that path it is.
  key: string
  isAlone: boolean
  value: unknown
}

// Decides entry by entry which of the differences of spec.files are made in place: the operations turn the list of
// `current` into the one of `desired` as far as they are, and into just that one when nothing is declined.
export function filesInPlace(current: unknown, desired: unknown, root: Path, places?: string[]): Part {
  const specs = [current, desired].map((object) => valueAt(object, root))
  const [was, wanted] = specs.map((spec) => valueAt(spec, ['files']))
  const format = specs.map(formatObjection).find((why) => why !== undefined)
  if (format !== undefined || !Array.isArray(wanted) || (was != null && !Array.isArray(was))) {
    const why = format ?? 'a list of files comes or goes as a whole'
    return { operations: [], accepted: [], declined: [{ name: 'files', why }] }
  }
  const part: Part = { operations: [], accepted: [], declined: [] }
  const [before, after, closed] = [entriesOf(was ?? []), entriesOf(wanted), places ?? closedBy(...specs)]
  const commands = places ? noCommands : commandsOf(specs[1])
  // The list as it is when the operations so far have been made, and where the last entry of desired is in it.
  const list = [...before]
  let last = -1
  for (const [i, entry] of after.entries()) {
    const at = list.findIndex(({ key }) => key === entry.key)
    const old = list[at]
    const isSame = isDeepStrictEqual(old?.value, entry.value)
    const why = isSame ? undefined : objectionTo(entry, old, closed, commands)
    if (why !== undefined) part.declined.push({ name: `files.${i}`, why })
    if (old) last = at
    if (isSame || why !== undefined) continue
    if (!old) last += 1
    list.splice(last, old ? 1 : 0, entry)
    part.accepted.push(`files.${i}`)
    const path = pointer([...root, 'files', String(last)])
    part.operations.push({ op: old ? 'replace' : 'add', path, value: entry.value })
  }
  const gone = before.flatMap(({ key }, i) => (after.some((entry) => entry.key === key) ? [] : `files.${i}`))
  part.declined.push(...gone.map((name) => ({ name, why: 'a file is never removed' })))
  const values = list.map(({ value }) => value)
  // A list that was not there comes as a whole.
  if (was == null) part.operations = values.length > 0 ? [setting(current, [...root, 'files'], values)] : []
  const isWhole = isDeepStrictEqual(values, wanted) && (was != null || values.length > 0)
  if (part.declined.length === 0 && !isWhole) part.declined.push({ name: 'files', why: 'the order differs' })
  return part
}

const changeable = new Set(['content', 'owner', 'permissions', 'encoding'])

function objectionTo(entry: Entry, old: Entry | undefined, closed: string[], commands: Commands) {
  // Which of two entries of one path comes last counts, so neither is touched.
  if (!entry.isAlone || old?.isAlone === false) return 'another entry has its path'
  const file = fileOf(entry.value, closed)
  if (typeof file === 'string') return file
  const list = commands.listThatMentions(file.path)
  if (list !== undefined) return `a command in ${list} mentions its path, or a directory above it`
  const fields = old ? [...keysOf(old.value), ...keysOf(entry.value)] : []
  const differ = fields.filter((key) => !isDeepStrictEqual(valueAt(old?.value, [key]), valueAt(entry.value, [key])))
  return differ.every((key) => changeable.has(key)) ? undefined : 'more changes than content, owner and mode'
}

function entriesOf(values: unknown[]): Entry[] {
  const names = values.map((value) => JSON.stringify(valueAt(value, ['path']) ?? value))
  return values.map((value, i) => {
    const nth = names.slice(0, i).filter((name) => name === names[i]).length
    return { key: `${nth} ${names[i]}`, isAlone: names.filter((name) => name === names[i]).length === 1, value }
  })
}
