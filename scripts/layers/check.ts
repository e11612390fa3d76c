import { floors, folders, forbidden, homes, loadedWhenNeeded, type Room } from './floors.ts'
import { type Import, type SourceFile, sourceFiles } from './imports.ts'

/** The imports of the repository at `root` that break a rule of floors.ts, one line each; empty when none does. */
export function violationsIn(root: string): string[] {
  const files = sourceFiles(root, folders)
  const misplaced = files.flatMap(({ path, imports }) => imports.flatMap((found) => violationOf(path, found) ?? []))
  return [...withoutFloor(files), ...misplaced, ...cycles(files)]
}

interface RoomPlace {
  floor: number
  room: Room
}

function withoutFloor(files: SourceFile[]): string[] {
  return files
    .filter(({ path }) => !placeOf(path))
    .map(({ path }) => `${path} has no floor in scripts/layers/floors.ts`)
}

function violationOf(path: string, { name, isLazy }: Import): string | undefined {
  if (!folders.some((folder) => name.startsWith(`${folder}/`))) return packageViolation(path, name)
  const rule = forbidden.find(({ from, to }) => path.startsWith(from) && name.startsWith(to))
  if (rule) return `${path} must not import ${name}: ${rule.why}`
  const [importing, imported] = [placeOf(path), placeOf(name)]
  if (!importing || !imported || importing.room === imported.room) return undefined
  if (importing.floor === imported.floor) return `${path} must not import ${name}, which is on the same floor`
  if (importing.floor > imported.floor) return `${path} must not import ${name}, which is above it`
  return isLazy ? undefined : lazyViolation(path, name)
}

function lazyViolation(path: string, name: string): string | undefined {
  const rule = loadedWhenNeeded.find(({ from, to }) => path.startsWith(from) && name.startsWith(to))
  return rule && `${path} must import ${name} with import(): ${rule.why}`
}

function packageViolation(path: string, name: string): string | undefined {
  const home = homes[name]
  if (home === undefined || path.startsWith(home) || !path.startsWith('src/')) return undefined
  return `${path} must not import ${name}, which belongs to ${home}`
}

function placeOf(path: string): RoomPlace | undefined {
  for (const [floor, rooms] of floors.entries()) {
    const room = rooms.find((parts) =>
      parts.some((part) => part === path || (part.endsWith('/') && path.startsWith(part))),
    )
    if (room) return { floor, room }
  }
  return undefined
}

// Each import cycle once, as the files on it.
function cycles(files: SourceFile[]): string[] {
  const imports = new Map(files.map((file) => [file.path, file.imports]))
  const finished = new Set<string>()
  const found: string[] = []
  const visit = (path: string, chain: string[]) => {
    if (chain.includes(path)) {
      found.push(`import cycle: ${[...chain.slice(chain.indexOf(path)), path].join(' > ')}`)
      return
    }
    if (finished.has(path)) return
    for (const { name } of imports.get(path) ?? []) visit(name, [...chain, path])
    finished.add(path)
  }
  for (const { path } of files) visit(path, [])
  return found
}
