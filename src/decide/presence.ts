import { keysOf, member } from '../kubernetes/json.ts'
import type { Role } from '../kubernetes/versions.ts'
import type { Field, Holder } from './fields/field.ts'

/** A field of an object's spec that an in-place update cannot honor, and the reason. */
export interface Unsupported {
  path: string
  why: string
}

/** A table of fields as a tree, which parallels the object. */
interface FieldTree {
  field?: Field
  /** The roles of the machines that the field, or a field below it, affects; undefined for all. */
  roles: Set<Role>
  children: Map<string, FieldTree>
}

const everywhere: readonly Role[] = ['control-plane', 'worker']

/** Converts a table of fields to a tree. */
export function treeOf(fields: readonly Field[]): FieldTree {
  const root = emptyTree()
  for (const field of fields) {
    addPath(root, field.path, field.roles).field = field
    for (const inner of field.below ?? []) addPath(root, joined(field.path, inner), field.roles)
  }
  return root
}

/** The first field of a spec, in the order of the tree, whose value declines every change of the machine. */
export function knownObjection(tree: FieldTree, holder: Holder): Unsupported | undefined {
  return objectionBelow(tree, holder.spec, [], holder)
}

/** The first field of a spec that is not in the tree and may affect a machine of this role. */
export function unknownField(tree: FieldTree, { spec, role }: Holder): Unsupported | undefined {
  const path = unknownBelow(tree, spec, role)
  return path && { path: path.join('.'), why: 'this version of the service does not know it' }
}

function emptyTree(): FieldTree {
  return { roles: new Set(), children: new Map() }
}

function joined(path: string, inner: string): string {
  return inner.startsWith('[]') ? `${path}${inner}` : `${path}.${inner}`
}

/** The members of a path of the table. The entries of a list count as a member. */
function membersOf(path: string): string[] {
  return path.replaceAll('[]', '.[]').split('.')
}

function addPath(root: FieldTree, path: string, roles: readonly Role[] = everywhere): FieldTree {
  let tree = root
  for (const name of membersOf(path)) {
    const child = tree.children.get(name) ?? emptyTree()
    for (const role of roles) child.roles.add(role)
    tree.children.set(name, child)
    tree = child
  }
  return tree
}

function objectionBelow(tree: FieldTree, value: unknown, path: string[], holder: Holder): Unsupported | undefined {
  const why = tree.field?.objection?.find(value, holder)
  if (why !== undefined) return { path: path.join('.'), why }
  for (const [name, child] of tree.children) {
    const inner = member(value, name)
    if (inner == null || !child.roles.has(holder.role)) continue
    const found = objectionBelow(child, inner, [...path, name], holder)
    if (found) return found
  }
  return undefined
}

function unknownBelow(tree: FieldTree, value: unknown, role: Role): string[] | undefined {
  for (const [name, inner, child] of innerOf(tree, value)) {
    if (inner == null) continue
    if (!child) return [name]
    const found = child.roles.has(role) && !child.field?.isOpen ? unknownBelow(child, inner, role) : undefined
    if (found) return [name, ...found]
  }
  return undefined
}

// The entries of a list or the members of an object, each with its node of the tree. The entries of a list of strings
// have no node.
function innerOf(tree: FieldTree, value: unknown): [name: string, inner: unknown, child: FieldTree | undefined][] {
  const entries = tree.children.get('[]')
  if (Array.isArray(value)) return entries ? value.map((entry, i) => [String(i), entry, entries]) : []
  const any = tree.children.get('*')
  return keysOf(value).map((name) => [name, member(value, name), tree.children.get(name) ?? any])
}
