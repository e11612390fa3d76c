import { keysOf, valueAt } from './json.ts'

/** The commands of a KubeadmConfig, which may change files at bootstrap. */
export interface Commands {
  /** Returns the name of a list with a command that mentions the path, such as `preKubeadmCommands`, or undefined. */
  listThatMentions(path: string): string | undefined
}

// bootCommands, preKubeadmCommands and postKubeadmCommands, in every version of the API.
const listName = /^[A-Za-z]*Commands$/
// Characters of a path, and those among them that often separate two paths.
const plainRun = /[\w.@+:=,~/-]+/g
const separators = /[:=,@+~]/
// A path before one of these is the beginning of longer paths.
const expansions = new Set(['*', '?', '[', '{', '$', '\\', '`'])
// A path after one of these is absolute. After any other character it is relative to a variable.
const beforeWord = /^[\s<>;|&(]?$/
// No real path is longer or deeper. Each path is indexed once per slash, so the depth needs a limit.
const longestRun = 4096
const mostSlashes = 64

/**
 * Indexes the commands in all lists of a KubeadmConfig's spec, and the scripts among its files that a command mentions.
 * Takes time proportional to their length.
 */
export function commandsOf(spec: unknown): Commands {
  const scripts = scriptsOf(spec)
  const lists = keysOf(spec)
    .filter((name) => listName.test(name))
    .map((name) => {
      const commands = indexOf(textsOf(valueAt(spec, [name])))
      const run = scripts.filter(({ path }) => isMentioned(commands, path))
      return { name, commands, scripts: indexOf(run.map(({ content }) => content)) }
    })
  return {
    listThatMentions: (path) =>
      lists.find(({ commands, scripts }) => isMentioned(commands, path) || isMentioned(scripts, path))?.name,
  }
}

/** No commands, for machines without files to write. */
export const noCommands: Commands = { listThatMentions: () => undefined }

// A command is a string or a list of words. Returns undefined for a list with anything else.
function textsOf(list: unknown): string[] | undefined {
  const commands = Array.isArray(list) ? list.flat() : [list ?? '']
  return commands.every((command) => typeof command === 'string') ? commands : undefined
}

function scriptsOf(spec: unknown): { path: string; content: string }[] {
  const files = valueAt(spec, ['files'])
  return (Array.isArray(files) ? files : [])
    .map((entry) => ({ path: valueAt(entry, ['path']), content: valueAt(entry, ['content']) }))
    .filter(
      (file): file is { path: string; content: string } => typeof file.path === 'string' && isScript(file.content),
    )
}

function isScript(content: unknown): content is string {
  return typeof content === 'string' && content.startsWith('#!')
}

// The paths in a text, sorted for a binary search.
interface Index {
  // Paths with a trailing slash, and beginnings of paths. None is a prefix of another.
  beginnings: string[]
  // The rest of each path from each of its slashes on.
  endings: string[]
  // Names of files whose directory is a variable, or relative.
  names: Set<string>
  // True when a command is not readable, or a path is too long or too deep. Every path counts as mentioned then.
  isUnreadable: boolean
}

function indexOf(texts: string[] | undefined): Index {
  const index: Index = { beginnings: [], endings: [], names: new Set(), isUnreadable: texts === undefined }
  const text = texts?.join('\n') ?? ''
  for (const { 0: run, index: start } of text.matchAll(plainRun)) {
    if (!run.includes('/')) continue
    if (run.length > longestRun) return { ...index, isUnreadable: true }
    const before = text[start - 1] ?? ''
    const after = text[start + run.length] ?? ''
    if (!addRun(index, run, before, after)) return { ...index, isUnreadable: true }
  }
  index.beginnings = withoutLonger(index.beginnings.sort(byCode))
  index.endings.sort(byCode)
  return index
}

// Adds the paths of one run of path characters. Returns false when it has too many slashes.
function addRun(index: Index, run: string, before: string, after: string): boolean {
  const path = run.replaceAll(/\/+/g, '/')
  const endings = endingsOf(path)
  if (endings.length > mostSlashes) return false
  index.endings.push(...endings)
  const pieces = path.split(separators)
  for (const [i, piece] of [path, ...pieces].entries()) {
    const isLast = i === 0 || i === pieces.length
    const isFirst = i <= 1
    const isRelative = !piece.startsWith('/') || (isFirst && !beforeWord.test(before))
    addPiece(index, piece, isRelative, isLast && expansions.has(after))
  }
  return true
}

function addPiece({ beginnings, names }: Index, piece: string, isRelative: boolean, isOpen: boolean): void {
  const slash = piece.indexOf('/')
  if (slash === -1) return
  const beginning = isOpen || piece.endsWith('/') ? piece.slice(slash) : `${piece.slice(slash)}/`
  // The root alone is ignored: it is above every file, and a command that names it rarely changes them all.
  if (beginning !== '/') beginnings.push(beginning)
  if (isRelative) names.add(piece.slice(piece.lastIndexOf('/') + 1))
}

function endingsOf(path: string): string[] {
  const endings: string[] = []
  for (let at = path.indexOf('/'); at !== -1 && endings.length <= mostSlashes; at = path.indexOf('/', at + 1)) {
    endings.push(path.slice(at))
  }
  return endings
}

function isMentioned({ beginnings, endings, names, isUnreadable }: Index, path: string): boolean {
  if (isUnreadable) return true
  const directory = `${path}/`
  const beginning = beginnings[countUpTo(beginnings, directory) - 1]
  if (beginning !== undefined && directory.startsWith(beginning)) return true
  const ending = endings[countBefore(endings, path)]
  if (ending?.startsWith(path)) return true
  return names.has(path.slice(path.lastIndexOf('/') + 1))
}

// Removes the entries of a sorted list that begin with another entry. They follow that entry directly.
function withoutLonger(sorted: string[]): string[] {
  const kept: string[] = []
  for (const text of sorted) {
    const last = kept.at(-1)
    if (last === undefined || !text.startsWith(last)) kept.push(text)
  }
  return kept
}

// Counts the entries of a sorted list that are less than the text.
function countBefore(sorted: string[], text: string): number {
  return countWhile(sorted, (entry) => entry < text)
}

// Counts the entries of a sorted list that are less than or equal to the text.
function countUpTo(sorted: string[], text: string): number {
  return countWhile(sorted, (entry) => entry <= text)
}

// Binary search: counts the entries at the beginning of the list for which `holds` is true.
function countWhile(list: string[], holds: (entry: string) => boolean): number {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (holds(list[middle] ?? '')) low = middle + 1
    else high = middle
  }
  return low
}

function byCode(one: string, other: string): number {
  if (one === other) return 0
  return one < other ? -1 : 1
}
