import { join } from 'node:path'
import { faultsIn } from './layers/check.ts'

// Checks that imports go down only, and never in a circle. Prints what is wrong, one line each.
const faults = faultsIn(join(import.meta.dirname, '..'))
for (const fault of faults) console.error(fault)
if (faults.length > 0) process.exitCode = 1
