import { expect, test } from 'vitest'
import { apiServers } from '../../../src/upgrade/steps/api-servers.ts'
import { startQuickLab } from '../../fake-docker/lab.ts'
import { old, target } from '../../fake-docker/release.ts'
import { lookAt } from './look.ts'

test('B19: a worker of a hosted control plane waits for the API server that it talks to, not for machines', async () => {
  const lab = startQuickLab('w-1')
  const waits = 'the version of the API server (the API server does not answer)'
  expect(await lookAt(apiServers, lab, 'w-1')).toEqual({ waitsFor: waits })
  lab.cluster.hosted = { version: old, answers: true, ready: true }
  expect(await lookAt(apiServers, lab, 'w-1')).toEqual({ waitsFor: `every API server to be at ${target}` })
  lab.cluster.hosted = { version: target, answers: true, ready: true }
  expect(await lookAt(apiServers, lab, 'w-1')).toBe('done')
})
