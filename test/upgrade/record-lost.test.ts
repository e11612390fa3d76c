import { expect, test } from 'vitest'
import { startWorkersLab } from '../fake-docker/lab.ts'
import { begin, recordFile, when } from './walk.ts'

test.each([
  0, 1, 2, 3, 4, 5, 6, 7, 8,
])('a record that is lost %i s after the kubelet unit starts costs no more than another run of kubeadm', async (seconds) => {
  const lab = startWorkersLab('w-1')
  const { files, units } = lab.machine('w-1')
  const forget = units.forget.bind(units)
  const ended: string[] = []
  units.forget = (name) => {
    if (units.running.includes(name)) ended.push(name)
    forget(name)
  }
  const walks = [begin(lab, 'w-1'), begin(lab, 'w-1')]
  when(lab, 'w-1', 'start unit kubelet', () => lab.clock.after(seconds, () => files.delete(recordFile)))
  await Promise.all(walks.map((walk) => walk.ended))
  for (const { run } of walks) expect(run.progress.phase).toBe('Done')
  expect(units.starts.filter((name) => name.endsWith('-kubeadm')).length).toBeLessThanOrEqual(2)
  expect(ended).toEqual([])
})
