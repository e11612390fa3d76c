import { isDeepStrictEqual } from 'node:util'
import type { Operation } from '../contract/answers.ts'
import { UpgradeError } from '../errors/upgrade-error.ts'
import { entriesOf, type FileRules, fileOf, fileRules, noFileRules } from '../kubernetes/desired-files.ts'
import { pathConflicts } from '../kubernetes/file-places.ts'
import { keysOf, type Path, valueAt } from '../kubernetes/json.ts'
import { declinedPart, type Part } from './part.ts'
import { pointer, setting } from './patch.ts'

/** An object with a list of files before and after, and where its spec is. */
interface ListChange {
  current: unknown
  desired: unknown
  root: Path
  isSimulated: boolean
}

interface Entry {
  value: unknown
  /** Its path, and how many entries of that path come before it. */
  key: string
  /** Why it cannot be written next to the others of its list. */
  conflict: string | undefined
}

/** An entry of the desired list, and the one of the current list that it replaces. */
interface Pair {
  entry: Entry
  old: Entry | undefined
  /** The index of the old one. */
  index: number
}

/**
 * Decides entry by entry which of the differences of spec.files are made in place. Applying the operations to `current`
 * gives `desired` without the declined entries; if nothing was declined, exactly `desired`.
 */
export function filesPart({ current, desired, root, isSimulated }: ListChange): Part {
  const [was, wanted] = [valueAt(current, root), valueAt(desired, root)]
  const lists = { before: entriesOf(was), after: entriesOf(wanted) }
  if (!lists.before.ok) return declinedList(lists.before.why)
  if (!lists.after.ok) return declinedList(lists.after.why)
  const isThere = valueAt(was, ['files']) != null
  // A list that comes or goes without an entry changes no file.
  if (valueAt(wanted, ['files']) == null || (!isThere && lists.after.value.length === 0)) {
    return declinedList('a list of files comes or goes as a whole')
  }
  const [before, after] = [listOf(lists.before.value), listOf(lists.after.value)]
  const pairs = pairUp(before, after)
  if (!isInOrder(pairs)) return declinedList('the order differs')
  const rules = isSimulated ? noFileRules : fileRules(wanted, was)
  const part = decideEntries(pairs, rules, [...root, 'files'])
  const gone = goneFrom(before, after)
  if (isThere) return { ...part, declined: [...part.declined, ...gone] }
  // A list that was not there comes as a whole.
  const values = part.operations.flatMap((operation) => ('value' in operation ? [operation.value] : []))
  return { ...part, operations: values.length > 0 ? [setting(current, [...root, 'files'], values)] : [] }
}

function declinedList(why: string): Part {
  return declinedPart(notCovered('files', why))
}

function notCovered(name: string, why: string): UpgradeError {
  return new UpgradeError('FILE_NOT_COVERED', { path: `bootstrapConfig ${name}`, why })
}

function listOf(values: unknown[]): Entry[] {
  const paths = values.map((value) => valueAt(value, ['path']))
  const conflicts = pathConflicts(paths)
  const counts = new Map<string, number>()
  return values.map((value, i) => {
    const name = JSON.stringify(paths[i] ?? value)
    const count = counts.get(name) ?? 0
    counts.set(name, count + 1)
    return { value, key: `${count} ${name}`, conflict: conflicts[i] }
  })
}

function pairUp(before: Entry[], after: Entry[]): Pair[] {
  const indexes = new Map(before.map(({ key }, i) => [key, i]))
  return after.map((entry) => {
    const index = indexes.get(entry.key) ?? -1
    return { entry, old: before[index], index }
  })
}

// True when the entries that stay keep their order.
function isInOrder(pairs: Pair[]): boolean {
  const indexes = pairs.filter(({ old }) => old !== undefined).map(({ index }) => index)
  return indexes.every((index, i) => index > (indexes[i - 1] ?? -1))
}

function goneFrom(before: Entry[], after: Entry[]): UpgradeError[] {
  const keys = new Set(after.map(({ key }) => key))
  return before.flatMap(({ key }, i) => (keys.has(key) ? [] : [notCovered(`files.${i}`, 'a file is never removed')]))
}

function decideEntries(pairs: Pair[], rules: FileRules, list: Path): Part {
  const part: Part = { accepted: [], declined: [], affectsAvailability: false, operations: [] }
  // Where the last entry is in the list that the operations so far have made, and how many they have added.
  let position = -1
  let added = 0
  for (const [i, { entry, old, index }] of pairs.entries()) {
    if (old) position = index + added
    if (old && isDeepStrictEqual(old.value, entry.value)) continue
    const why = objectionTo(entry, old, rules)
    if (why !== undefined) {
      part.declined.push(notCovered(`files.${i}`, why))
      continue
    }
    if (!old) {
      position += 1
      added += 1
    }
    part.accepted.push(`bootstrapConfig files.${i}`)
    part.operations.push(operationAt(list, position, old ? 'replace' : 'add', entry.value))
  }
  return part
}

function operationAt(list: Path, position: number, op: 'add' | 'replace', value: unknown): Operation {
  return { op, path: pointer([...list, String(position)]), value }
}

const changeable = new Set(['content', 'owner', 'permissions', 'encoding'])

function objectionTo(entry: Entry, old: Entry | undefined, rules: FileRules): string | undefined {
  const conflict = entry.conflict ?? old?.conflict
  if (conflict !== undefined) return conflict
  const file = fileOf(entry.value, rules)
  if (!file.ok) return file.why
  const fields = old ? [...keysOf(old.value), ...keysOf(entry.value)] : []
  const differ = fields.filter((key) => !isDeepStrictEqual(valueAt(old?.value, [key]), valueAt(entry.value, [key])))
  return differ.every((key) => changeable.has(key)) ? undefined : 'more changes than content, owner and mode'
}
