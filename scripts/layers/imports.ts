import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { parseSync, Visitor } from 'oxc-parser'

/** A source file and everything that it imports. */
export interface SourceFile {
  /** Below the repository, such as `src/main.ts`. */
  path: string
  /** Paths below the repository, and names of packages and of Node's modules. */
  imports: string[]
}

/** The files of these folders of the repository at `root`, in the order of their paths. */
export function sourceFiles(root: string, folders: readonly string[]): SourceFile[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.(ts|mjs)$/.test(path))
      .sort()
      .map((path) => readSource(root, join(folder, path))),
  )
}

function readSource(root: string, path: string): SourceFile {
  const names = importedNames(path, readFileSync(join(root, path), 'utf8'))
  return { path, imports: names.map((name) => (name.startsWith('.') ? normalize(join(dirname(path), name)) : name)) }
}

/**
 * The names that a module imports, in any way that TypeScript has: `import`, `export … from`, `import()` and types
 * written as `import('…')`. Throws where a name is no constant, since its place could not be checked.
 */
export function importedNames(path: string, text: string): string[] {
  const { program, errors } = parseSync(path, text)
  if (errors.length > 0) throw new Error(`${path} cannot be parsed: ${errors[0]?.message}`)
  const names: string[] = []
  const take = (source: { type: string; value?: unknown }) => {
    if (source.type !== 'Literal' || typeof source.value !== 'string') {
      throw new Error(`${path} imports a name that is no constant`)
    }
    names.push(source.value)
  }
  new Visitor({
    ImportDeclaration: ({ source }) => take(source),
    ImportExpression: ({ source }) => take(source),
    ExportAllDeclaration: ({ source }) => take(source),
    ExportNamedDeclaration: ({ source }) => source && take(source),
    TSImportType: ({ source }) => take(source),
  }).visit(program)
  return names
}
