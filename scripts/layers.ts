import { join } from 'node:path'
import { violationsIn } from './layers/check.ts'

// Checks that every import goes down the floors of scripts/layers/floors.ts, and that none is part of a cycle. Prints
// each that does not, one a line.
const violations = violationsIn(join(import.meta.dirname, '..'))
for (const violation of violations) console.error(violation)
if (violations.length > 0) process.exitCode = 1
