import { expect, test } from 'vitest'
import { startQuickLab } from '../fake-docker/lab.ts'
import { old, staticPodsOf, target } from '../fake-docker/release.ts'
import { begin, recordFile, state, walk } from './walk.ts'

// The setting is changed, or the service is replaced by one with another default, while an upgrade is under way.
test.each([
  ['one-by-one', 'together'],
  ['together', 'one-by-one'],
])('an upgrade that goes %s comes to its end when the setting becomes %s, whenever it does', async (before, after) => {
  for (let moment = 1; moment < 60; moment += 1) {
    const lab = startQuickLab('cp-1')
    const first = begin(lab, 'cp-1', { settings: { exchange: before } })
    lab.clock.after(moment, () => lab.clock.stop())
    await first.ended
    if (first.run.progress.phase === 'Done') break
    lab.clock.resume()
    const { run } = await walk(lab, 'cp-1', { settings: { exchange: after } })
    const { kubelet, manifests, files, units } = lab.machine('cp-1')
    expect({ moment, message: run.progress.message }).toEqual({ moment, message: `at ${target}` })
    expect(kubelet).toMatchObject({ version: target, healthy: true })
    expect(manifests).toEqual(staticPodsOf(target))
    expect(units.names).toEqual([])
    const left = [...files.keys()].filter((path) => path.startsWith(`${state}/`) || path.endsWith('.new'))
    expect({ moment, left }).toEqual({ moment, left: [recordFile] })
    expect(files.get('/usr/bin/kubelet')).not.toBe(old)
  }
})
