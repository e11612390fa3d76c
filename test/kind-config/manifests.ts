import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { parse, parseAllDocuments } from 'yaml'

const folder = join(import.meta.dirname, '../../kind-config')

// biome-ignore lint/suspicious/noExplicitAny: tests read wherever they like in it
export type Manifest = any

interface Kustomization {
  apiVersion: string
  kind: string
  resources?: string[]
  components?: string[]
  patches?: { path: string }[]
}

export function textOf(file: string): string {
  return readFileSync(join(folder, file), 'utf8')
}

/** The objects of a kustomization, with these components, as `kubectl kustomize` renders them. */
export function objectsOf(kustomization: string, components: string[] = []): Manifest[] {
  const objects = load(kustomization)
  return components.reduce((all, component) => load(component, all), objects)
}

// Knows only what kind-config uses, and refuses the rest.
function load(kustomization: string, before: Manifest[] = []): Manifest[] {
  const read: Kustomization = parse(textOf(join(kustomization, 'kustomization.yaml')))
  const { apiVersion: _, kind: __, resources = [], patches = [], ...more } = read
  if (Object.keys(more).length > 0)
    throw new Error(`${kustomization} has ${Object.keys(more)}, which this does not know`)
  const objects = resources.flatMap((resource) => {
    const path = join(kustomization, resource)
    return existsSync(join(folder, path, 'kustomization.yaml')) ? load(path) : documentsOf(textOf(path))
  })
  return patches.reduce(
    (all, { path }) => patched(all, parse(textOf(join(kustomization, path)))),
    [...before, ...objects],
  )
}

function patched(objects: Manifest[], patch: Manifest): Manifest[] {
  const target = find(objects, patch.kind, patch.metadata.name)
  return objects.map((object) => (object === target ? merged(object, patch) : object))
}

// Kubernetes' strategic merge, for lists whose entries are distinguished by `name`.
function merged(before: Manifest, patch: Manifest): Manifest {
  if (Array.isArray(patch)) return mergedList(before ?? [], patch)
  if (typeof patch !== 'object' || typeof before !== 'object') return patch
  const changed = Object.entries(patch).map(([key, value]) => [key, merged(before[key], value)])
  return { ...before, ...Object.fromEntries(changed) }
}

function mergedList(before: Manifest[], patch: Manifest[]): Manifest[] {
  const isNew = ({ name }: Manifest) => !before.some((entry) => entry.name === name)
  const kept = before.map((entry) => {
    const change = patch.find(({ name }) => name === entry.name)
    return change ? merged(entry, change) : entry
  })
  return [...patch.filter(isNew), ...kept]
}

/** What `kubectl kustomize` itself makes of the same, or nothing where there is no kubectl. */
export function renderedByKubectl(kustomization: string, components: string[] = []): Manifest[] | undefined {
  const home = mkdtempSync(join(tmpdir(), 'capd-kubeadm-upgrader-test-'))
  const inFolder = (path: string) => relative(home, join(folder, path))
  const overlay = { resources: [inFolder(kustomization)], components: components.map(inFolder) }
  try {
    writeFileSync(join(home, 'kustomization.yaml'), JSON.stringify(overlay))
    return documentsOf(execFileSync('kubectl', ['kustomize', home], { encoding: 'utf8', stdio: 'pipe' }))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  } finally {
    rmSync(home, { recursive: true })
  }
}

function documentsOf(text: string): Manifest[] {
  return parseAllDocuments(text).map((document) => document.toJS())
}

/** The only object of a kind, or the one of that name. */
export function find(objects: Manifest[], kind: string, name?: string): Manifest {
  const found = objects.filter((object) => object.kind === kind && (!name || object.metadata.name === name))
  if (found.length !== 1) throw new Error(`${found.length} objects of kind ${kind}`)
  return found[0]
}
