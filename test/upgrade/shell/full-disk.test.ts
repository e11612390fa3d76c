import { expect, test } from 'vitest'
import { cases } from './cases.ts'
import { canMount, limit, onFullDisk } from './disturbed.ts'

const rows = cases.flatMap((one) => one.disks.map((disk) => ({ script: one.script, disk, one })))

// A run on a full disk fails and leaves each file whole, old or new. The next run with room ends as an undisturbed one does.
test.skipIf(!canMount).each(rows)(
  '$script survives a full $disk at every write',
  async ({ disk, one }) => {
    expect(await onFullDisk(disk, one)).toBeGreaterThan(0)
  },
  limit,
)
