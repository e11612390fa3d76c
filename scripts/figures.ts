import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

// The order of src/ and the length of its files. Fails on what may not be.
const limits = { fileLines: 300 }

// Imports only go down: a file may import from its own floor's folder and from floors below, and from no folder
// beside it. Everything not listed is a fault, so that a new folder gets its place here first.
const floors = [
  ['main'],
  ['app'],
  ['metrics'],
  // Wraps the handlers from outside; nothing but main knows of it.
  ['faults'],
  ['hooks', 'api'],
  ['upgrade'],
  // The decision is pure: it does not know machines. Machines do not know decisions.
  ['decide', 'machine'],
  ['contract'],
  ['config'],
  ['certificate'],
  ['errors'],
]

// Packages that have one place only: no handler touches Docker, no step knows HTTP.
const homes: Record<string, string> = {
  dockerode: 'machine',
  fastify: 'app',
  'close-with-grace': 'main',
  '@prometheus-io/client': 'metrics',
}

const root = join(import.meta.dirname, '..')

interface File {
  // Below src/.
  path: string
  lines: number
  code: number
  // Paths below src/ that are imported, and names of packages.
  imports: string[]
}

const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.(ts|sh)$/.test(path))
  .sort()
  .map(read)
const faults = [...tooMuch(), ...misplaced(), ...cycles()]

const longest = files.toSorted((a, b) => b.lines - a.lines).slice(0, 5)
console.log(
  `src/: ${files.length} files, ${sum('lines')} lines, ${sum('code')} of them code (without blank lines, comments and imports)`,
)
console.log(`longest: ${longest.map(({ path, lines }) => `${path} ${lines}`).join(', ')}`)
for (const fault of faults) console.error(fault)
if (faults.length > 0) process.exitCode = 1

function read(path: string): File {
  const text = readFileSync(join(root, 'src', path), 'utf8')
  const found = [...text.matchAll(/^(?:import|export) (?:[^'"]* from )?'([^']+)'/gm)].map(([, name = '']) => name)
  const imports = found.map((name) => (name.startsWith('.') ? normalize(join(dirname(path), name)) : name))
  return { path, lines: text.trimEnd().split('\n').length, code: codeLines(path, text), imports }
}

// Lines that are neither blank nor only a comment, nor part of an import, which has a check of its own here.
function codeLines(path: string, text: string): number {
  const comment = path.endsWith('.sh') ? /^#/ : /^(\/\/|\/\*|\*)/
  const withoutImports = text.replace(/^import [^']*'[^']+'$/gm, '')
  return withoutImports.split('\n').filter((line) => line.trim() !== '' && !comment.test(line.trim())).length
}

function sum(of: 'lines' | 'code'): number {
  return files.reduce((total, file) => total + file[of], 0)
}

function tooMuch(): string[] {
  const long = files.filter(({ lines }) => lines > limits.fileLines)
  return long.map(({ path, lines }) => `${path} has ${lines} lines, more than ${limits.fileLines}`)
}

function misplaced(): string[] {
  return files.flatMap(({ path, imports }) =>
    imports.filter((name) => !mayImport(path, name)).map((name) => `${path} may not import ${name}`),
  )
}

function mayImport(path: string, name: string): boolean {
  const mine = placeOf(path)
  if (!name.endsWith('.ts')) return (homes[name] ?? mine) === mine
  const [from, to] = [floorOf(mine), floorOf(placeOf(name))]
  return from !== -1 && to !== -1 && (mine === placeOf(name) || to > from)
}

// The folder, or the file itself where it has none.
function placeOf(path: string): string {
  return path.split('/')[0]?.replace(/\.ts$/, '') ?? ''
}

function floorOf(place: string): number {
  return floors.findIndex((floor) => floor.includes(place))
}

// Each import cycle once, as the files on it.
function cycles(): string[] {
  const imports = new Map(files.map((file) => [file.path, file.imports]))
  const finished = new Set<string>()
  const found: string[] = []
  const visit = (path: string, way: string[]) => {
    if (way.includes(path)) found.push(`import cycle: ${[...way.slice(way.indexOf(path)), path].join(' > ')}`)
    if (way.includes(path) || finished.has(path)) return
    for (const next of imports.get(path) ?? []) visit(next, [...way, path])
    finished.add(path)
  }
  for (const { path } of files) visit(path, [])
  return found
}
