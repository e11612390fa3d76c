import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, parseAllDocuments } from 'yaml'

const folder = join(import.meta.dirname, '../../kind-config')

// biome-ignore lint/suspicious/noExplicitAny: tests read wherever they like in it
export type Manifest = any

export function textOf(file: string): string {
  return readFileSync(join(folder, file), 'utf8')
}

// The objects of a kustomization, as `kubectl kustomize` gathers them; nothing here patches or renames.
export function objectsOf(kustomization: string): Manifest[] {
  const { resources, ...more } = parse(textOf(join(kustomization, 'kustomization.yaml')))
  const keys = Object.keys(more).sort()
  if (keys.join() !== 'apiVersion,kind') throw new Error(`${kustomization} has ${keys}, which this does not know`)
  return resources.flatMap((resource: string) => {
    const path = join(kustomization, resource)
    if (existsSync(join(folder, path, 'kustomization.yaml'))) return objectsOf(path)
    return parseAllDocuments(textOf(path)).map((document) => document.toJS())
  })
}

// The only object of a kind, or the one of that name.
export function find(objects: Manifest[], kind: string, name?: string): Manifest {
  const found = objects.filter((object) => object.kind === kind && (!name || object.metadata.name === name))
  if (found.length !== 1) throw new Error(`${found.length} objects of kind ${kind}`)
  return found[0]
}
