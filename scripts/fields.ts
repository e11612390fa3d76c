import { writeFile } from 'node:fs/promises'
import { run } from './host/subprocess.ts'

// Writes test/fixtures/fields.gen.json: the paths of all fields of the objects that Cluster API sends, from its own Go
// types at the version in scripts/fields/go.mod. Needs Go, and a module proxy the first time.
const folder = new URL('fields/', import.meta.url).pathname
const list = new URL('../test/fixtures/fields.gen.json', import.meta.url)

const inFolder = run({ cwd: folder })
const version = await inFolder`go list -m -f {{.Version}} sigs.k8s.io/cluster-api/api`
const fields: unknown = JSON.parse(await inFolder`go run .`)
await writeFile(list, `${JSON.stringify({ clusterApi: version.trim(), fields }, undefined, 2)}\n`)
console.log(`wrote test/fixtures/fields.gen.json, of Cluster API ${version.trim()}`)
