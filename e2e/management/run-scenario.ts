import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { table } from '../../scripts/docs/table.ts'
import { removeClusters } from './clusters.ts'
import type { Play, Result, Scenario } from './scenario.ts'
import type { Site } from './site.ts'
import { type Moment, watchMachines } from './timeline.ts'

// Where each scenario leaves its result and its timeline; not part of the repository.
const results = join(import.meta.dirname, '../results')

export async function perform(name: string, scenario: Scenario, site: Site): Promise<Result> {
  const begun = performance.now()
  const { problems, figures }: Result = { problems: [], figures: [] }
  const say = (line: string) => console.log(`${name}  ${line}`)
  const timeline = watchMachines(site.management, name, (moment) => say(cells(moment).join('  ')))
  const play: Play = {
    name,
    cluster: `${site.management.prefix}${name}`,
    site,
    kube: site.kube,
    timeline,
    expect: (ok, problem) => {
      if (ok) return
      problems.push(problem)
      say(`FAILED (continuing): ${problem}`)
    },
    figure: (what, value) => {
      figures.push([what, value])
      say(`${what}: ${value}`)
    },
  }
  try {
    await removeClusters(site.kube, name)
    await scenario.play(play)
    const unknown = timeline.moments.find(({ message }) => message.includes('(UNEXPECTED)'))
    play.expect(!unknown, `the updater met an error that it does not know, at ${unknown?.at.toFixed(1)} s`)
    // What failed is left for a look.
    if (problems.length === 0) await removeClusters(site.kube, name)
  } catch (thrown) {
    play.expect(false, (thrown as Error).message)
  } finally {
    await timeline.stop()
  }
  const seconds = `${((performance.now() - begun) / 1000).toFixed(0)} s`
  await write(name, [
    `# ${name}: ${problems.length === 0 ? 'passed' : 'failed'}, ${seconds}`,
    scenario.proves,
    ...(problems.length > 0 ? [problems.map((problem) => `- FAILED: ${problem}`).join('\n')] : []),
    ...(figures.length > 0 ? [table(['Measured', ''], figures)] : []),
    table(
      ['Seconds', 'Machine', 'Condition', 'Message'],
      timeline.moments.map((moment) => cells(moment).map(trimmed)),
    ),
  ])
  return { problems, figures }
}

// Two results of one run beside each other, where both have measured the same.
export async function compare(one: string, other: string, results: Map<string, Result>): Promise<void> {
  const [mine, theirs] = [results.get(one), results.get(other)]
  if (!mine || !theirs) return
  const values = new Map(theirs.figures)
  const rows = mine.figures.flatMap(([what, value]) =>
    values.has(what) ? [[what, value, values.get(what) ?? '']] : [],
  )
  const compared = table(['Measured', one, other], rows)
  console.log(compared)
  await write(`${one}-and-${other}`, [`# ${one} and ${other}, one after the other in one run`, compared])
}

async function write(name: string, parts: string[]): Promise<void> {
  await mkdir(results, { recursive: true })
  await writeFile(join(results, `${name}.md`), `${parts.join('\n\n')}\n`)
}

function cells({ at, machine, condition, message }: Moment): string[] {
  return [at.toFixed(1).padStart(7), machine, condition, message]
}

const trimmed = (text: string) => text.trim()
