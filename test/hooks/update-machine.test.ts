import { describe, expect, test } from 'vitest'
import { UpgradeError } from '../../src/errors/upgrade-error.ts'
import { answerUpdateMachine } from '../../src/hooks/update-machine.ts'
import type { Progress } from '../../src/upgrade/progress.ts'
import { upgradesAt } from '../app/serve.ts'
import { captured, type Json, put } from '../contract/captured.ts'

const body = (name: string) => captured(`update-machine.${name}`).body as { desired: Record<string, Json> } & Json
const underWay: Progress = {
  phase: 'InProgress',
  step: 'kubeadm',
  message: 'step 5 of 9',
  retryAfterSeconds: 10,
}

async function answer(request: Json, upgrades = upgradesAt(underWay)) {
  return answerUpdateMachine(JSON.stringify(request), upgrades)
}

describe('the answer', () => {
  test('while an upgrade is under way is a Success that reports when to call again', async () => {
    expect(await answer(body('worker'))).toEqual({
      apiVersion: 'hooks.runtime.cluster.x-k8s.io/v1alpha1',
      kind: 'UpdateMachineResponse',
      status: 'Success',
      message: 'step 5 of 9',
      retryAfterSeconds: 10,
    })
  })

  test.each([0, -1, -600])('while under way never reports %i, which means done', async (retryAfterSeconds) => {
    const given = await answer(body('worker'), upgradesAt({ ...underWay, retryAfterSeconds }))
    expect(given.retryAfterSeconds).toBeGreaterThan(0)
  })

  test('at the end is a Success with retryAfterSeconds 0', async () => {
    const done: Progress = { phase: 'Done', step: '', message: 'at v1.35.4', retryAfterSeconds: 0 }
    const given = await answer(body('worker'), upgradesAt(done))
    expect(given).toMatchObject({ status: 'Success', retryAfterSeconds: 0 })
  })

  test('after a failure is the error of the upgrade', async () => {
    const error = new UpgradeError('KUBELET_NOT_UP', { target: 'v1.35.4', cause: 'unknown flag: --x' })
    const failed: Progress = {
      phase: 'Failed',
      step: '',
      message: error.message,
      retryAfterSeconds: 0,
      error,
    }
    await expect(answer(body('worker'), upgradesAt(failed))).rejects.toBe(error)
  })

  test('where too many upgrades are under way is in progress: it may pass by itself', async () => {
    const busy = {
      ...upgradesAt(underWay),
      start() {
        throw new UpgradeError('TOO_MANY_UPGRADES')
      },
    }
    const given = await answer(body('worker'), busy)
    expect(given).toMatchObject({ status: 'Success', message: expect.stringContaining('TOO_MANY_UPGRADES') })
    expect(given.retryAfterSeconds).toBeGreaterThan(0)
  })
})

describe('the upgrade', () => {
  test.each([
    ['control-plane', 'w1-cp-qslx5'],
    ['worker', 'w1-md-kk9g6-6vljf'],
  ])('of a captured %s is started for the container of its providerID', async (role, container) => {
    const upgrades = upgradesAt(underWay)
    await answer(body(role), upgrades)
    expect(upgrades.started).toEqual([container])
  })

  test('is not started by a request that is refused', async () => {
    const refusals: [string[], unknown, string][] = [
      [['machine', 'spec', 'providerID'], undefined, 'PROVIDER_ID_MISSING'],
      [['machine', 'spec', 'providerID'], '', 'PROVIDER_ID_MISSING'],
      [['machine', 'spec', 'providerID'], 'kind://docker/kind/m', 'PROVIDER_ID_FORM'],
      [['machine', 'spec', 'providerID'], 'docker:///m', 'PROVIDER_ID_FORM'],
      [['machine', 'spec', 'providerID'], 'docker:////', 'PROVIDER_ID_FORM'],
      [['machine', 'spec', 'providerID'], 'docker:////../m', 'PROVIDER_ID_FORM'],
      [['machine', 'spec', 'providerID'], 'docker:////m..n', 'PROVIDER_ID_FORM'],
      [['machine', 'spec', 'providerID'], 'docker:////m/exec', 'PROVIDER_ID_FORM'],
      [['machine', 'spec', 'providerID'], 'docker:////m;reboot', 'PROVIDER_ID_FORM'],
      [['machine', 'spec', 'providerID'], 'docker:////$(reboot)', 'PROVIDER_ID_FORM'],
      [['machine', 'spec', 'providerID'], 'docker:////m\n', 'PROVIDER_ID_FORM'],
      [['machine', 'spec', 'providerID'], 'docker:////-m', 'PROVIDER_ID_FORM'],
      [['machine', 'spec', 'version'], undefined, 'VERSION_MISSING'],
      [['machine', 'spec', 'version'], '', 'VERSION_MISSING'],
      [['machine', 'spec', 'version'], 'latest', 'VERSION_FORM'],
      [['machine', 'spec', 'version'], 'v1.35.4 ', 'VERSION_FORM'],
      [['machine', 'spec', 'version'], 'v1.35.4-$(reboot)', 'VERSION_FORM'],
      [['infrastructureMachine', 'spec', 'backend'], { inMemory: {} }, 'BACKEND_UNSUPPORTED'],
      [['infrastructureMachine', 'kind'], 'AWSMachine', 'BACKEND_UNSUPPORTED'],
      [['machine', 'spec', 'clusterName'], undefined, 'REQUEST_INVALID'],
    ]
    for (const [path, value, code] of refusals) {
      const request = body('worker')
      put(request.desired, path, value)
      const upgrades = upgradesAt(underWay)
      await expect(answer(request, upgrades)).rejects.toMatchObject({ code })
      expect(upgrades.started).toEqual([])
    }
  })

  test('is asked with the role, the cluster and the CA that the request names', async () => {
    const tasks: unknown[] = []
    const upgrades = { ...upgradesAt(underWay), start: (task: unknown) => tasks.push(task) }
    await answer(body('worker'), upgrades as never)
    await answer(body('control-plane'), upgrades as never)
    expect(tasks).toMatchObject([
      {
        role: 'worker',
        cluster: 'w1',
        version: 'v1.35.4',
        caCertHashes: ['sha256:6cced675a1636e55e1abca3150c1fc73bbcef3c20f0a1f0054fa41de9d0dc2ab'],
      },
      { role: 'control-plane', cluster: 'w1', version: 'v1.35.4', caCertHashes: [] },
    ])
  })
})
