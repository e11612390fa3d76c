import { writeFile } from 'node:fs/promises'
import { run } from './host/run.ts'

// Makes test/fixtures/fields.gen.json: the paths of all fields of the objects that Cluster API sends, from its own Go
// types at the version in scripts/fields/go.mod. Needs Go, and a module proxy on the first run.
const folder = new URL('fields/', import.meta.url).pathname
const list = new URL('../test/fixtures/fields.gen.json', import.meta.url)

const version = await run('go', ['list', '-m', '-f', '{{.Version}}', 'sigs.k8s.io/cluster-api/api'], { cwd: folder })
const fields: unknown = JSON.parse(await run('go', ['run', '.'], { cwd: folder }))
await writeFile(list, `${JSON.stringify({ clusterApi: version.trim(), fields }, undefined, 2)}\n`)
console.log(`wrote test/fixtures/fields.gen.json, of Cluster API ${version.trim()}`)
