import { createHash } from 'node:crypto'
import { type Commands, commandsOf, noCommands } from './commands.ts'
import { bytesOf } from './file-content.ts'
import { closedBy, pathConflicts, placeObjection } from './file-places.ts'
import { keysOf, valueAt } from './json.ts'
import { type Result, refusal, success } from './result.ts'

/** The desired state of a file in a machine. */
export interface DesiredFile {
  path: string
  /** The permissions, four octal digits. */
  mode: string
  user: string
  group: string
  content: Buffer
}

/** The files of a KubeadmConfig that are written in place. */
export interface Files {
  wanted: DesiredFile[]
  /** Paths at and below which nothing is written. */
  closed: string[]
}

/** What the rest of a KubeadmConfig rules out for its files. */
export interface FileRules {
  /** Paths at and below which nothing is written. */
  closed: readonly string[]
  commands: Commands
}

/** The most entries of `files`, by the schema of KubeadmConfig. */
export const mostFiles = 200

/** The rules for a machine that goes from the current KubeadmConfigs to the desired one. */
export function fileRules(desired: unknown, ...current: unknown[]): FileRules {
  return { closed: closedBy(desired, ...current), commands: commandsOf(desired) }
}

/** No rules, for machines without files to write. */
export const noFileRules: FileRules = { closed: [], commands: noCommands }

const fields = new Set(['path', 'content', 'encoding', 'owner', 'permissions', 'append', 'contentFormat'])
// A user or group, by name or number. Source: useradd(8); chown(2) for the largest id.
const name = /^[a-z_][\w-]{0,31}$/i
const number = /^\d{1,10}$/
const largestId = 2 ** 32 - 2

/** The desired file of an entry of KubeadmConfig `spec.files`, or the reason why it is not written in place. */
export function fileOf(entry: unknown, { closed, commands }: FileRules): Result<DesiredFile> {
  const { path, content, encoding, owner = 'root:root', permissions = '0644', append = false } = Object(entry)
  const { contentFormat = 'Raw' } = Object(entry)
  const isPlain = append === false && contentFormat === 'Raw' && keysOf(entry).every((field) => fields.has(field))
  if (!isPlain || typeof content !== 'string' || typeof owner !== 'string' || typeof permissions !== 'string') {
    return refusal('only inline content is written, without append and Template')
  }
  const objection = placeObjection(path, closed)
  if (objection !== undefined) return refusal(objection)
  const [user, group = 'root', ...more] = owner.split(':', 3)
  if (!isOwner(user) || !isOwner(group) || more.length > 0) return refusal('its owner is not of the form user:group')
  if (!/^[0-7]{3,4}$/.test(permissions)) return refusal('its permissions are not three or four octal digits')
  const list = commands.listThatMentions(path)
  if (list !== undefined) return refusal(`a command in ${list} mentions its path, or a directory above it`)
  const bytes = bytesOf(content, encoding)
  if (!bytes.ok) return bytes
  return success({ path, mode: permissions.padStart(4, '0'), user, group, content: bytes.value })
}

function isOwner(text: string | undefined): text is string {
  return text !== undefined && (number.test(text) ? Number(text) <= largestId : name.test(text))
}

/** The files of a KubeadmConfig's spec. Entries that are not written in place are left out. */
export function filesOf(spec: unknown, rules: FileRules = fileRules(spec)): Files {
  const entries = entriesOf(spec)
  const closed = [...rules.closed]
  if (!entries.ok) return { wanted: [], closed }
  const conflicts = pathConflicts(entries.value.map((entry) => valueAt(entry, ['path'])))
  const wanted = entries.value
    .filter((_, i) => conflicts[i] === undefined)
    .map((entry) => fileOf(entry, rules))
    .flatMap((file) => (file.ok ? [file.value] : []))
  return { wanted, closed }
}

/** The entries of KubeadmConfig `spec.files`, or the reason why none of them is written in place. */
export function entriesOf(spec: unknown): Result<unknown[]> {
  // Ignition treats content differently.
  if ((valueAt(spec, ['format']) ?? 'cloud-config') !== 'cloud-config') return refusal('its format is not cloud-config')
  const list = valueAt(spec, ['files']) ?? []
  if (!Array.isArray(list)) return refusal('a list of files comes or goes as a whole')
  return list.length <= mostFiles ? success(list) : refusal(`it has more than ${mostFiles} entries`)
}

/** A digest over the path, the permissions, the owner and the content of a file: SHA-256 in hex. */
export function digestOf({ content, ...rest }: DesiredFile): string {
  return createHash('sha256').update(JSON.stringify(rest)).update(content).digest('hex')
}
