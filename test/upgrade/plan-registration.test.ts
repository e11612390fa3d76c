import { expect, test } from 'vitest'
import { renewedEntries } from '../../src/upgrade/plan.ts'

test('every entry that depends on the configuration of the cluster is renewed by a new attempt', () => {
  expect(renewedEntries().sort()).toEqual([
    'bin.failed',
    'etcd.kept',
    'exchange.refused',
    'exchanged',
    'images.failed',
    'images.list',
    'kubeadm.done',
    'kubeadm.moved',
    'prepared',
    'rendered',
  ])
})
