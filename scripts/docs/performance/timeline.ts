import type { Answers, MachineTime, Run, Span } from './results.ts'

/** One line of the picture: what happened to a machine, or when something did not answer. */
interface Lane {
  name: string
  spans: readonly Omit<Span, 'machine'>[]
  isAway: boolean
}

const width = 1000
const left = 190
const right = 20
const laneHeight = 26
const top = 44
const legendHeight = 20

// Dark enough for white numbers on them, and told from both backgrounds.
const hues = ['#2f6fb3', '#8250a8', '#2d7d46', '#a15c12', '#1b7c83', '#9a4668', '#5c6f1e', '#4b57b0']

/** docs/performance.svg: one upgrade in place, which step of which machine in which second, and what was away meanwhile. */
export function timelineOf({ machines = [], spans = [], answers = [], to }: Run): string {
  const lanes = lanesOf(machines, spans, answers)
  const begin = Math.min(...machines.map((machine) => machine.begin))
  const end = Math.max(...machines.map((machine) => machine.end))
  const steps = [
    ...new Set(lanes.filter(({ isAway }) => !isAway).flatMap((lane) => lane.spans.map(({ step }) => step))),
  ]
  const at = (second: number) =>
    left + ((clamp(second, begin, end) - begin) / (end - begin || 1)) * (width - left - right)
  const bottom = top + lanes.length * laneHeight
  const height = bottom + 36 + Math.ceil(steps.length / 2) * legendHeight
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" font-family="sans-serif" font-size="12">`,
    `<title>${escaped(`An upgrade to ${to} in place, second by second`)}</title>`,
    style,
    `<rect class="page" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>`,
    `<text class="ink" x="12" y="20">${escaped(`Seconds since the first machine's update to ${to} began`)}</text>`,
    ...ticksOf(end - begin).map((tick) => {
      const x = at(begin + tick).toFixed(1)
      return `<path class="line" d="M${x} ${top - 8}V${bottom}"/><text class="ink" x="${x}" y="${top - 12}" text-anchor="middle">${tick}</text>`
    }),
    ...lanes.flatMap((lane, i) => laneOf(lane, { y: top + i * laneHeight, at, begin, end, steps })),
    ...steps.map((step, i) => legendOf(step, i, bottom + 24)),
    '</svg>',
  ]
  return `${parts.join('\n')}\n`
}

// The page of the picture goes with its ink, so that both are readable on whatever is behind it.
const style = `<style>
.page { fill: #ffffff; stroke: #d0d7de } .ink { fill: #1f2328 } .line { stroke: #d0d7de } .away { fill: #c62828 } .number { fill: #ffffff; font-size: 11px }
@media (prefers-color-scheme: dark) { .page { fill: #0d1117; stroke: #3d444d } .ink { fill: #e6edf3 } .line { stroke: #3d444d } .away { fill: #f85149 } }
</style>`

function lanesOf(machines: readonly MachineTime[], spans: readonly Span[], answers: readonly Answers[]): Lane[] {
  const inOrder = machines.toSorted((a, b) => a.begin - b.begin)
  const named = inOrder.map(({ machine, role }, i) => {
    const number = inOrder.slice(0, i + 1).filter((other) => other.role === role).length
    const name = `${role === 'worker' ? 'worker' : 'control plane machine'}, no. ${number}`
    return { name, spans: spans.filter((span) => span.machine === machine), isAway: false }
  })
  const away = answers.map(({ what, away }) => ({
    name: what,
    spans: away.map(([begin, end]) => ({ step: 'away', begin, end })),
    isAway: true,
  }))
  return [...named, ...away]
}

interface LanePlace {
  y: number
  at: (second: number) => number
  begin: number
  end: number
  steps: readonly string[]
}

function laneOf({ name, spans, isAway }: Lane, { y, at, begin, end, steps }: LanePlace): string[] {
  const middle = y + laneHeight / 2
  const bars = spans
    .filter((span) => span.end > begin && span.begin < end)
    .map((span) => {
      const [x, wide] = [at(span.begin), Math.max(1.5, at(span.end) - at(span.begin))]
      const number = steps.indexOf(span.step)
      const fill = isAway ? 'class="away"' : `fill="${hueOf(number)}"`
      const said = `${name}: ${span.step}, ${(span.end - span.begin).toFixed(1)} s`
      const bar = `<rect ${fill} x="${x.toFixed(1)}" y="${y + 4}" width="${wide.toFixed(1)}" height="${laneHeight - 8}"><title>${escaped(said)}</title></rect>`
      const label = isAway || wide < 16 ? '' : numberAt(x + wide / 2, middle + 4, number)
      return `${bar}${label}`
    })
  const word = isAway && bars.length === 0 ? `${name}: no gap` : name
  return [
    `<path class="line" d="M${left} ${middle}H${width - right}"/>`,
    `<text class="ink" x="${left - 8}" y="${middle + 4}" text-anchor="end">${escaped(word)}</text>`,
    ...bars,
  ]
}

function legendOf(step: string, i: number, y: number): string {
  const [x, line] = [12 + (i % 2) * (width / 2), y + Math.floor(i / 2) * legendHeight]
  return `<rect fill="${hueOf(i)}" x="${x}" y="${line - 12}" width="20" height="16"/>${numberAt(x + 10, line, i)}<text class="ink" x="${x + 28}" y="${line}">${escaped(step)}</text>`
}

function numberAt(x: number, y: number, i: number): string {
  return `<text class="number" x="${x.toFixed(1)}" y="${y}" text-anchor="middle">${i + 1}</text>`
}

function hueOf(i: number): string {
  return hues[i % hues.length] ?? '#2f6fb3'
}

function ticksOf(seconds: number): number[] {
  const every = [1, 2, 5, 10, 20, 30, 60, 120, 300].find((step) => seconds / step <= 14) ?? 600
  return Array.from({ length: Math.floor(seconds / every) + 1 }, (_, i) => i * every)
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most)
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
