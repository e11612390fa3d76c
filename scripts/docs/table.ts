// A Markdown table. Cells are one line each.
export function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.map(escaped).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

// A bar would end the cell, and <word> outside of `code` would be taken for HTML and not be seen.
function escaped(cell: string): string {
  const parts = cell.replaceAll('|', '\\|').split('`')
  return parts.map((part, i) => (i % 2 === 0 ? part.replaceAll('<', '&lt;') : part)).join('`')
}

// The first lines of every page, so that nobody edits it by hand.
export function heading(title: string, source: string): string {
  return `<!-- Made by "node scripts/docs.ts" from ${source}: do not edit. -->\n\n# ${title}`
}
