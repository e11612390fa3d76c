import { certificates } from './certificates/command.ts'

process.exitCode = await certificates(process.argv.slice(2))
