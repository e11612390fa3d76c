import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { apiPage } from './docs/api.ts'
import { configurationPage } from './docs/configuration.ts'
import { errorsPage } from './docs/errors.ts'
import { metricsPage } from './docs/metrics.ts'
import { misbehavioursPage } from './docs/misbehaviours.ts'
import { performancePage, performanceTimeline } from './docs/performance.ts'
import { recoveryPage } from './docs/recovery.ts'
import { whatIsUpdatedPage } from './docs/what-is-updated.ts'

// Writes the pages of docs/ that are generated from src/ and from results. `--check` writes nothing, and fails when a page
// is out of date.
const pages = {
  'docs/reference/api.md': apiPage,
  'docs/reference/configuration.md': configurationPage,
  'docs/reference/errors.md': errorsPage,
  'docs/reference/metrics.md': metricsPage,
  'docs/reference/misbehaviours.md': misbehavioursPage,
  'docs/reference/performance.md': performancePage,
  'docs/reference/performance.svg': performanceTimeline,
  'docs/reference/recovery.md': recoveryPage,
  'docs/reference/what-is-updated.md': whatIsUpdatedPage,
}

const { values } = parseArgs({ options: { check: { type: 'boolean' } } })
for (const [name, page] of Object.entries(pages)) {
  const file = new URL(`../${name}`, import.meta.url)
  const wanted = await page()
  if (values.check) {
    const text = await readFile(file, 'utf8').catch(() => '')
    if (text === wanted) continue
    console.error(`${name} is out of date: run "node scripts/docs.ts"`)
    process.exitCode = 1
  } else {
    await mkdir(new URL('.', file), { recursive: true })
    await writeFile(file, wanted)
    console.log(`wrote ${name}`)
  }
}
