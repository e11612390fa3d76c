import type { Field } from '../../src/decide/fields/field.ts'
import { fieldTable } from '../../src/decide/fields/table.ts'
import { type Shape, shapes } from '../../src/decide/shapes.ts'
import type { Role } from '../../src/kubernetes/versions.ts'
import { table } from './table.ts'

/** Roles as people read them. */
export const roleNames: Record<Role, string> = { 'control-plane': 'control plane', worker: 'worker' }

/** The tables of all fields, with a heading for each object. */
export function fieldTables(): string {
  return Object.entries(fieldTable)
    .map(([object, fields]) => `### ${object}\n\n${fieldsOf(fields)}`)
    .join('\n\n')
}

/** The table of the shapes that no single field shows. */
export function shapeTable(): string {
  const rows = shapes.map(({ name, outcome, code, how }) => [name, outcomeOf(outcome, code), how])
  return table(['Shape', 'In place', 'How'], rows)
}

function outcomeOf(outcome: Shape['outcome'], code: Shape['code']): string {
  return code === undefined ? outcome : `${outcome}, \`${code}\``
}

function fieldsOf(fields: readonly Field[]): string {
  const rows = fields.map((field) => [
    `\`${field.path}\``,
    (field.roles ?? (['control-plane', 'worker'] as const)).map((role) => roleNames[role]).join(', '),
    unchanged(field),
    changed(field),
  ])
  return table(['Field', 'Machines', 'While it stays as it is', 'When it changes'], rows)
}

function unchanged({ kept, objection }: Field): string {
  if (!objection) return `Kept. ${kept}.`
  if (objection.values === 'any') return `**Declined.** ${kept}.`
  return `Kept. ${kept}. **Declined**: ${objection.values}.`
}

function changed({ claim, notCompared }: Field): string {
  if (claim) return 'Updated in place, within limits'
  return notCompared ? 'Not compared' : 'Declined'
}
