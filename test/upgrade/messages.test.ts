import { expect, test } from 'vitest'
import { putAtTarget, startQuickLab } from '../fake-docker/lab.ts'
import { begin, oneByOne, when } from './walk.ts'

test('whatever a machine holds, a message is one line of at most 1,000 characters', async () => {
  const lab = startQuickLab('cp-1')
  const machine = putAtTarget(lab, 'cp-1')
  machine.setManifest('etcd', 'registry.k8s.io/etcd:3.5.0-0')
  when(lab, 'cp-1', 'note static-pods started', () => {
    machine.setManifest('etcd', `registry.k8s.io/etcd:3\n\u001b[31m${'x'.repeat(30_000)}`)
  })
  const { messages, run, ended } = begin(lab, 'cp-1', oneByOne)
  await ended
  expect(run.progress.message).toMatch(/waiting for etcd to run 3 \[31mxxx.*\(STEP_TIME_LIMIT\)$/)
  for (const message of messages) expect(message).toMatch(/^\P{Cc}{1,1000}$/u)
})
