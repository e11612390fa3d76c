import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { apiPage } from './docs/api.ts'
import { configurationPage } from './docs/configuration.ts'
import { errorsPage } from './docs/errors.ts'
import { misbehavioursPage } from './docs/misbehaviours.ts'
import { performancePage, performanceTimeline } from './docs/performance.ts'
import { recoveryPage } from './docs/recovery.ts'
import { whatIsUpdatedPage } from './docs/what-is-updated.ts'

// Writes the pages of docs/ that are generated from src/ and from results. `--check` writes nothing, and fails when a page
// is out of date.
const pages = {
  'docs/api.md': apiPage,
  'docs/configuration.md': configurationPage,
  'docs/errors.md': errorsPage,
  'docs/misbehaviours.md': misbehavioursPage,
  'docs/performance.md': performancePage,
  'docs/performance.svg': performanceTimeline,
  'docs/recovery.md': recoveryPage,
  'docs/what-is-updated.md': whatIsUpdatedPage,
}

const { values } = parseArgs({ options: { check: { type: 'boolean' } } })
for (const [name, page] of Object.entries(pages)) {
  const file = new URL(`../${name}`, import.meta.url)
  if (values.check) {
    const text = await readFile(file, 'utf8').catch(() => '')
    if (text === page()) continue
    console.error(`${name} is out of date: run "node scripts/docs.ts"`)
    process.exitCode = 1
  } else {
    await mkdir(new URL('.', file), { recursive: true })
    await writeFile(file, page())
    console.log(`wrote ${name}`)
  }
}
