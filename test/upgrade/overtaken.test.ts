import { expect, test } from 'vitest'
import { putAtTarget, startQuickLab } from '../fake-docker/lab.ts'
import { begin, unitsOf, ways, when } from './walk.ts'

// While the etcd member of cp-2 is unwell one process waits for it in its last step, and another one in its first.
const effects = {
  together: ['start unit kubeadm', 'note verify started'],
  'one-by-one': ['start unit kubelet', 'kubelet v1.35.4 starts', 'note verify started'],
}
const moments = ways
  .filter(([name]) => name === 'cp-1')
  .flatMap(([, exchange, units]) => effects[exchange].map((effect) => [effect, exchange, units] as const))

test.each(
  moments,
)('a process that begins at "%s", %s, stages nothing again when another one has tidied up', async (effect, exchange, units) => {
  const options = { settings: { exchange } }
  const lab = startQuickLab('cp-1', 'cp-2')
  const member = putAtTarget(lab, 'cp-2')
  const first = begin(lab, 'cp-1', options)
  const second = Promise.withResolvers<ReturnType<typeof begin>>()
  when(lab, 'cp-1', effect, () => {
    member.etcdHealthy = false
    second.resolve(begin(lab, 'cp-1', options))
    lab.clock.after(60, () => {
      member.etcdHealthy = true
    })
  })
  const other = await second.promise
  await Promise.all([first.ended, other.ended])
  for (const { run } of [first, other]) expect(run.progress.phase).toBe('Done')
  expect(unitsOf(lab, 'cp-1')).toEqual(units)
})
