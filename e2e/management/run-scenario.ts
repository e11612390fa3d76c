import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { table } from '../../scripts/docs/table.ts'
import { removeClusters } from './clusters.ts'
import type { ManagedScenario, ScenarioResult, ScenarioRun } from './scenario.ts'
import type { Site } from './site.ts'
import { type TimelineEntry, watchMachines } from './timeline.ts'

// Results and timelines of scenarios; not part of the repository.
const results = join(import.meta.dirname, '../results')

/**
 * Runs a scenario in a management cluster, and writes its result and timeline to e2e/results/<name>.md. Its clusters are
 * removed when it passes.
 */
export async function runScenario(name: string, scenario: ManagedScenario, site: Site): Promise<ScenarioResult> {
  const begun = performance.now()
  const { problems, figures }: ScenarioResult = { problems: [], figures: [] }
  const log = (line: string) => console.log(`${name}  ${line}`)
  const timeline = watchMachines(site.management, name, (entry) => log(cells(entry).join('  ')))
  const run: ScenarioRun = {
    name,
    cluster: `${site.management.prefix}${name}`,
    site,
    kube: site.kube,
    timeline,
    expect: (ok, problem) => {
      if (ok) return
      problems.push(problem)
      log(`FAILED (continuing): ${problem}`)
    },
    figure: (what, value) => {
      figures.push([what, value])
      log(`${what}: ${value}`)
    },
  }
  try {
    await removeClusters(site.kube, name)
    await scenario.run(run)
    const unknown = timeline.entries.find(({ message }) => message.includes('(UNEXPECTED)'))
    run.expect(!unknown, `the updater reported an unexpected error after ${unknown?.at.toFixed(1)} s`)
    // The clusters of a scenario that failed are left for inspection.
    if (problems.length === 0) await removeClusters(site.kube, name)
  } catch (thrown) {
    run.expect(false, (thrown as Error).message)
  } finally {
    await timeline.stop()
  }
  const seconds = `${((performance.now() - begun) / 1000).toFixed(0)} s`
  await write(name, [
    `# ${name}: ${problems.length === 0 ? 'passed' : 'failed'}, ${seconds}, under Cluster API ${site.management.clusterApi}`,
    scenario.proves,
    ...(problems.length > 0 ? [problems.map((problem) => `- FAILED: ${problem}`).join('\n')] : []),
    ...(figures.length > 0 ? [table(['Measured', ''], figures)] : []),
    table(
      ['Seconds', 'Machine', 'Condition', 'Message'],
      timeline.entries.map((entry) => cells(entry).map(trimmed)),
    ),
  ])
  return { problems, figures }
}

/** Prints and writes a table of the values that two scenarios of one run both measured. */
export async function compare(one: string, other: string, results: Map<string, ScenarioResult>): Promise<void> {
  const [mine, theirs] = [results.get(one), results.get(other)]
  if (!mine || !theirs) return
  const values = new Map(theirs.figures)
  const rows = mine.figures.flatMap(([what, value]) =>
    values.has(what) ? [[what, value, values.get(what) ?? '']] : [],
  )
  const compared = table(['Measured', one, other], rows)
  console.log(compared)
  await write(`${one}-and-${other}`, [`# ${one} and ${other} in one run`, compared])
}

async function write(name: string, parts: string[]): Promise<void> {
  await mkdir(results, { recursive: true })
  await writeFile(join(results, `${name}.md`), `${parts.join('\n\n')}\n`)
}

function cells({ at, machine, condition, message }: TimelineEntry): string[] {
  return [at.toFixed(1).padStart(7), machine, condition, message]
}

const trimmed = (text: string) => text.trim()
