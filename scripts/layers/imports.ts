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

/** A source file, all of its imports, and the types that it exports. */
export interface SourceFile {
  /** The path below the repository, such as `src/main.ts`. */
  path: string
  imports: Import[]
  /** The names of exported types, interfaces and classes that the file declares itself. */
  types: string[]
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
  const { imports, types } = moduleIn(path, readFileSync(join(root, path), 'utf8'))
  const belowRoot = (name: string) => (name.startsWith('.') ? normalize(join(dirname(path), name)) : name)
  return { path, imports: imports.map(({ name, isLazy }) => ({ name: belowRoot(name), isLazy })), types }
}

/**
 * The imports of a module as they are written, in any form that TypeScript has: `import`, `export … from`, `import()` and
 * types as `import('…')`; and the types that it exports. Throws where a name is not a constant, because its place cannot be
 * checked, and where the text cannot be parsed.
 */
export function moduleIn(path: string, text: string): Pick<SourceFile, 'imports' | 'types'> {
  const { program, errors } = parseSync(path, text)
  if (errors.length > 0) throw new Error(`${path} cannot be parsed: ${errors[0]?.message}`)
  const imports: Import[] = []
  const types: string[] = []
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
    ExportNamedDeclaration({ source, declaration }) {
      if (source) add(source)
      const id = declaration && isType(declaration.type) && 'id' in declaration ? declaration.id : undefined
      if (id?.type === 'Identifier') types.push(id.name)
    },
    TSImportType: ({ source }) => add(source),
  }).visit(program)
  return { imports, types }
}

function isType(declaration: string): boolean {
  return ['TSTypeAliasDeclaration', 'TSInterfaceDeclaration', 'TSEnumDeclaration', 'ClassDeclaration'].includes(
    declaration,
  )
}
