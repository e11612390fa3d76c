import { floors, folders, forbidden, homes, type Room } from './floors.ts'
import { type SourceFile, sourceFiles } from './imports.ts'

/** What is wrong with the imports of the repository at `root`, one line each; empty when nothing is. */
export function faultsIn(root: string): string[] {
  const files = sourceFiles(root, folders)
  const misplaced = files.flatMap(({ path, imports }) => imports.flatMap((name) => faultOf(path, name) ?? []))
  return [...homeless(files), ...misplaced, ...cycles(files)]
}

interface Place {
  floor: number
  room: Room
}

function homeless(files: SourceFile[]): string[] {
  return files
    .filter(({ path }) => !placeOf(path))
    .map(({ path }) => `${path} has no floor in scripts/layers/floors.ts`)
}

function faultOf(path: string, name: string): string | undefined {
  if (!folders.some((folder) => name.startsWith(`${folder}/`))) return packageFault(path, name)
  const rule = forbidden.find(({ from, to }) => path.startsWith(from) && name.startsWith(to))
  if (rule) return `${path} may not import ${name}: ${rule.why}`
  const [mine, other] = [placeOf(path), placeOf(name)]
  if (!mine || !other || mine.room === other.room || mine.floor < other.floor) return undefined
  return `${path} may not import ${name}, which is ${mine.floor === other.floor ? 'on the same floor' : 'above it'}`
}

function packageFault(path: string, name: string): string | undefined {
  const home = homes[name]
  if (home === undefined || path.startsWith(home) || !path.startsWith('src/')) return undefined
  return `${path} may not import ${name}, which belongs to ${home}`
}

function placeOf(path: string): Place | undefined {
  for (const [floor, rooms] of floors.entries()) {
    const room = rooms.find((parts) =>
      parts.some((part) => part === path || (part.endsWith('/') && path.startsWith(part))),
    )
    if (room) return { floor, room }
  }
  return undefined
}

/** Each import cycle once, as the files on it. */
function cycles(files: SourceFile[]): string[] {
  const imports = new Map(files.map((file) => [file.path, file.imports]))
  const finished = new Set<string>()
  const found: string[] = []
  const visit = (path: string, way: string[]) => {
    if (way.includes(path)) {
      found.push(`import cycle: ${[...way.slice(way.indexOf(path)), path].join(' > ')}`)
      return
    }
    if (finished.has(path)) return
    for (const next of imports.get(path) ?? []) visit(next, [...way, path])
    finished.add(path)
  }
  for (const { path } of files) visit(path, [])
  return found
}
