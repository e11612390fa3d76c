/** A fenced block of a Markdown page, and the paragraph before it. */
export interface CodeBlock {
  /** The word after the fence, such as sh or text; empty where there is none. */
  language: string
  lines: string[]
  before: string
}

const fence = /^ *```(\w*)\n([\s\S]*?)\n *```$/gm

/** The fenced blocks of a page, in their order. */
export function codeBlocksIn(page: string): CodeBlock[] {
  return [...page.matchAll(fence)].map(({ index, 1: language = '', 2: text = '' }) => ({
    language,
    lines: text.split('\n').map((line) => line.trim()),
    before: page.slice(0, index).trim().split(/\n\n/).at(-1) ?? '',
  }))
}

/** The targets of the links of a page, images included. Code is left out. */
export function linksIn(page: string): string[] {
  const prose = page.replaceAll(fence, '').replaceAll(/`[^`\n]*`/g, (code) => '`'.repeat(code.length))
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target)
}

/** The anchors that GitHub gives the headings of a page. */
export function anchorsIn(page: string): string[] {
  const headings = page.replaceAll(fence, '').matchAll(/^#{1,6} (.+)$/gm)
  return [...headings].map(([, text = '']) =>
    text
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
}
