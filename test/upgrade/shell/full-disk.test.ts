import { describe, expect, test } from 'vitest'
import { cases } from './cases.ts'
import { canMount, onFullDisk } from './disturbed.ts'

const writing = cases.filter(({ disks }) => disks.length > 0)

// A run on a full disk fails and leaves each file whole, old or new. The next run with room ends as an undisturbed one does.
describe.skipIf(!canMount).each(writing)('$script', (one) => {
  test.each(one.disks)('survives a full %s at every write', async (disk) => {
    expect(await onFullDisk(disk, one)).toBeGreaterThan(0)
  })
})
