import { posix } from 'node:path'

/** Where the generated pages stand. */
const folder = 'docs/reference'

/** A Markdown table. Cells are one line each; the path of a page in them becomes a link. */
export function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.map(escaped).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

// A bar would end the cell, and <word> outside of `code` would be taken for HTML and not be shown.
function escaped(cell: string): string {
  const parts = cell.replaceAll('|', '\\|').split('`')
  return parts.map((part, i) => (i % 2 === 0 ? linked(part.replaceAll('<', '&lt;')) : part)).join('`')
}

function linked(text: string): string {
  return text.replaceAll(/docs\/[\w/-]+\.md/g, (path) => `[${path}](${posix.relative(folder, path)})`)
}

/** The first lines of every generated page. */
export function heading(title: string, source: string): string {
  return `<!-- Made by "node scripts/docs.ts" from ${source}: do not edit. -->\n\n# ${title}`
}
