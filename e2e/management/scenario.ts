import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { removeClusters } from './clusters.ts'
import type { Kube } from './kube.ts'
import type { Site } from './site.ts'
import { type Moment, type Timeline, watchMachines } from './timeline.ts'

// What a scenario works with.
export interface Play {
  // Its name is also the namespace of its machines.
  name: string
  // The name of its cluster, as the lab wants it to begin.
  cluster: string
  site: Site
  kube: Kube
  timeline: Timeline
  // Something that has to be so; where it is not, the scenario has failed and goes on.
  expect(ok: boolean, problem: string): void
  // Something that was measured, for the result.
  figure(what: string, value: string): void
}

export interface Scenario {
  // In one sentence, for the result.
  proves: string
  play(play: Play): Promise<void>
}

// Where each scenario leaves its result and its timeline; not part of the repository.
const results = join(import.meta.dirname, '../results')

// Plays a scenario and gives what was not so.
export async function perform(name: string, scenario: Scenario, site: Site): Promise<string[]> {
  const begun = performance.now()
  const problems: string[] = []
  const figures: [string, string][] = []
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
      say(`NOT SO, so far: ${problem}`)
    },
    figure: (what, value) => {
      figures.push([what, value])
      say(`${what}: ${value}`)
    },
  }
  try {
    await removeClusters(site.kube, name)
    await scenario.play(play)
    // What failed is left for a look.
    if (problems.length === 0) await removeClusters(site.kube, name)
  } catch (thrown) {
    play.expect(false, (thrown as Error).message)
  } finally {
    await timeline.stop()
  }
  const seconds = `${((performance.now() - begun) / 1000).toFixed(0)} s`
  await write(name, [
    `# ${name}: ${problems.length === 0 ? 'all is so' : 'failed'}, ${seconds}`,
    scenario.proves,
    ...(problems.length > 0 ? [problems.map((problem) => `- NOT SO: ${problem}`).join('\n')] : []),
    ...(figures.length > 0 ? [table(['Measured', ''], figures)] : []),
    table(['Seconds', 'Machine', 'Condition', 'Message'], timeline.moments.map(cells)),
  ])
  return problems
}

async function write(name: string, parts: string[]): Promise<void> {
  await mkdir(results, { recursive: true })
  await writeFile(join(results, `${name}.md`), `${parts.join('\n\n')}\n`)
}

function cells({ at, machine, condition, message }: Moment): string[] {
  return [at.toFixed(1).padStart(7), machine, condition, message]
}

function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.map((cell) => cell.trim().replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
