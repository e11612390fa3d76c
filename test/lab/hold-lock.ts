import { setInterval } from 'node:timers'
import { withLabLock } from '../../scripts/lab/host/lock.ts'

// Takes the lock of the lab and keeps it until the process is killed.
await withLabLock(() => {
  console.log('held')
  return new Promise(() => setInterval(() => {}, 1000))
})
