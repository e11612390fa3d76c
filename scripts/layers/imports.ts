import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { parseSync, Visitor } from 'oxc-parser'

/** An import of a source file. */
export interface Import {
  /** The path below the repository, or the name of a package or of a module of Node. */
  name: string
  /** Whether the file imports it with `import()`, so that it is loaded only when that runs. */
  isLazy: boolean
}

/** A source file and all of its imports. */
export interface SourceFile {
  /** The path below the repository, such as `src/main.ts`. */
  path: string
  imports: Import[]
}

/** The files of these folders of the repository at `root`, sorted by path within each folder. */
export function sourceFiles(root: string, folders: readonly string[]): SourceFile[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.(ts|mjs)$/.test(path))
      .sort()
      .map((path) => readSource(root, join(folder, path))),
  )
}

function readSource(root: string, path: string): SourceFile {
  const imports = importsIn(path, readFileSync(join(root, path), 'utf8'))
  const belowRoot = (name: string) => (name.startsWith('.') ? normalize(join(dirname(path), name)) : name)
  return { path, imports: imports.map(({ name, isLazy }) => ({ name: belowRoot(name), isLazy })) }
}

/**
 * The imports of a module as they are written, in any form that TypeScript has: `import`, `export … from`, `import()` and
 * types as `import('…')`. Throws where a name is not a constant, because its place cannot be checked, and where the text
 * cannot be parsed.
 */
export function importsIn(path: string, text: string): Import[] {
  const { program, errors } = parseSync(path, text)
  if (errors.length > 0) throw new Error(`${path} cannot be parsed: ${errors[0]?.message}`)
  const imports: Import[] = []
  const add = (source: { type: string; value?: unknown }, isLazy = false) => {
    if (source.type !== 'Literal' || typeof source.value !== 'string') {
      throw new Error(`${path} imports a name that is not a constant`)
    }
    imports.push({ name: source.value, isLazy })
  }
  new Visitor({
    ImportDeclaration: ({ source }) => add(source),
    ImportExpression: ({ source }) => add(source, true),
    ExportAllDeclaration: ({ source }) => add(source),
    ExportNamedDeclaration: ({ source }) => source && add(source),
    TSImportType: ({ source }) => add(source),
  }).visit(program)
  return imports
}
