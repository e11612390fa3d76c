import { keysOf, valueAt } from './json.ts'

/** The commands of a KubeadmConfig, asked for files that one of them may fill in or change at bootstrap. */
export interface Commands {
  /** The name of a list with a command that mentions the path, such as `preKubeadmCommands`, or undefined. */
  listThatMentions(path: string): string | undefined
}

// bootCommands, preKubeadmCommands and postKubeadmCommands, in every version of the API.
const listName = /^[A-Za-z]*Commands$/
// Plain characters of a path, and those among them that often stand between two paths.
const plainRun = /[\w.@+:=,~/-]+/g
const separators = /[:=,@+~]/
// After one of these a path is the beginning of longer ones.
const expansions = new Set(['*', '?', '[', '{', '$', '\\', '`'])
// Before a path that begins here, and is not relative to a variable.
const beforeWord = /^[\s<>;|&(]?$/
// A longer or deeper path is none that Linux or a person would take. Each path is indexed once for each of its slashes.
const longestRun = 4096
const mostSlashes = 64

/**
 * The commands of all lists of a KubeadmConfig's spec, and of scripts among its files that one of them mentions. Takes
 * time in proportion to their length.
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

/** No commands: for machines to which nothing is written. */
export const noCommands: Commands = { listThatMentions: () => undefined }

// A command is a text, or a list of its words. What is neither cannot be read.
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
  // Paths with a slash at the end, and beginnings of paths, none of which begins with another.
  beginnings: string[]
  // What follows each slash, with the slash.
  endings: string[]
  // Names of files whose directory is not in the text: it is a variable, or relative.
  names: Set<string>
  // Something cannot be read, or a path is too long or too deep to be looked at: every path counts as mentioned.
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

// Adds the paths of one run of plain characters; false if it has too many slashes.
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
  // The root is above every file: a command that names only that is not taken for one that changes files.
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

// Of a sorted list, the entries that do not begin with another entry. What begins with one follows it directly.
function withoutLonger(sorted: string[]): string[] {
  const kept: string[] = []
  for (const text of sorted) {
    const last = kept.at(-1)
    if (last === undefined || !text.startsWith(last)) kept.push(text)
  }
  return kept
}

// How many entries of a sorted list are less than the text.
function countBefore(sorted: string[], text: string): number {
  return countWhile(sorted, (entry) => entry < text)
}

// How many entries of a sorted list are the text or less.
function countUpTo(sorted: string[], text: string): number {
  return countWhile(sorted, (entry) => entry <= text)
}

// How many entries at the beginning of a list hold, where none holds after one that does not.
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
