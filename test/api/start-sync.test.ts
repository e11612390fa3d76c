import { describe, expect, test, vi } from 'vitest'
import { UpgradeError } from '../../src/errors/upgrade-error.ts'
import type { Progress } from '../../src/upgrade/progress.ts'
import type { Task } from '../../src/upgrade/task.ts'
import { serve, silent, token, upgradesAt } from '../app/serve.ts'
import { startWorkersLab } from '../fake-docker/lab.ts'
import { target } from '../fake-docker/release.ts'

const bearer = { authorization: `Bearer ${token}` }
const wish = { providerID: 'docker:////w1-md-1', clusterName: 'w1', version: 'v1.35.4' }
const underWay: Progress = {
  phase: 'InProgress',
  step: 'kubeadm',
  message: 'step 5 of 9',
  retryAfterSeconds: 10,
}

describe('start', () => {
  test('answers at once, however often and whatever the engine does', async () => {
    const { post } = serve({ engine: silent() })
    for (let i = 0; i < 3; i++) {
      expect(await post('/v1/start', wish, bearer)).toEqual({
        status: 202,
        body: { machine: 'w1-md-1', version: 'v1.35.4' },
      })
    }
  })

  test('of another version, while one changes the machine, is taken and waits for its end', async () => {
    const lab = startWorkersLab('w-1')
    const { post } = serve({ engine: lab.engine, clock: lab.clock })
    const first = { providerID: 'docker:////w-1', clusterName: 'lab', version: target }
    const second = { ...first, version: 'v1.36.3' }
    lab.machine('w-1').units.hold('kubeadm')
    await post('/v1/start', first, bearer)
    await vi.waitFor(async () => {
      expect((await post('/v1/sync', first, bearer)).body.step).toBe('kubeadm')
    })
    expect(await post('/v1/start', second, bearer)).toEqual({
      status: 202,
      body: { machine: 'w-1', version: 'v1.36.3' },
    })
    const { body } = await post('/v1/sync', second, bearer)
    expect(body).toMatchObject({ phase: 'InProgress', version: 'v1.36.3' })
    expect(body.message).toMatch(new RegExp(`w-1, to ${target}.*\\(OTHER_UPGRADE\\)`))
    expect(lab.machine('w-1').units.running).toEqual(['capd-kubeadm-upgrader-kubeadm'])
  })

  test('hands on the patches and the CA hashes that the request names', async () => {
    const tasks: Task[] = []
    const upgrades = { ...upgradesAt(underWay), start: (task: Task) => void tasks.push(task) }
    const { post } = serve({ upgrades })
    const caCertHashes = [`sha256:${'0'.repeat(64)}`]
    await post('/v1/start', { ...wish, patchesDirectory: '/etc/kubernetes/patches', caCertHashes }, bearer)
    await post('/v1/start', wish, bearer)
    expect(tasks).toMatchObject([
      { patches: '/etc/kubernetes/patches', caCertHashes },
      { patches: undefined, caCertHashes: [] },
    ])
    // What one of them fails with is not the other's failure.
    expect(new Set(tasks.map(({ key }) => key)).size).toBe(2)
  })

  test('of a machine that trusts another cluster CA is refused, and changes nothing', async () => {
    const lab = startWorkersLab('w-1')
    const { post } = serve({ engine: lab.engine, clock: lab.clock })
    const before = lab.machine('w-1').snapshot()
    const caCertHashes = [`sha256:${'0'.repeat(64)}`]
    const request = { providerID: 'docker:////w-1', clusterName: 'lab', version: target, caCertHashes }
    await post('/v1/start', request, bearer)
    expect((await post('/v1/sync', request, bearer)).body).toMatchObject({ phase: 'Failed', code: 'CONTAINER_CA' })
    expect(lab.machine('w-1').snapshot()).toEqual(before)
  })

  test('of another machine is not held up', async () => {
    const { post } = serve({ engine: silent() })
    await post('/v1/start', wish, bearer)
    const other = { ...wish, providerID: 'docker:////w1-md-2', version: 'v1.36.3' }
    expect((await post('/v1/start', other, bearer)).status).toBe(202)
  })
})

describe('sync', () => {
  test('has phase, step, message and when to call again', async () => {
    const { post } = serve({ upgrades: upgradesAt(underWay) })
    expect(await post('/v1/sync', wish, bearer)).toEqual({
      status: 200,
      body: {
        machine: 'w1-md-1',
        version: 'v1.35.4',
        phase: 'InProgress',
        step: 'kubeadm',
        message: 'step 5 of 9',
        retryAfterSeconds: 10,
      },
    })
  })

  test('of a failed upgrade has the code and what to do', async () => {
    const error = new UpgradeError('KUBELET_NOT_UP', { target: 'v1.35.4', cause: 'unknown flag: --x' })
    const failed: Progress = {
      phase: 'Failed',
      step: 'kubelet',
      message: error.message,
      retryAfterSeconds: 0,
      error,
    }
    const { post } = serve({ upgrades: upgradesAt(failed) })
    const { status, body } = await post('/v1/sync', wish, bearer)
    expect(status).toBe(200)
    expect(body).toMatchObject({ phase: 'Failed', code: 'KUBELET_NOT_UP', todo: error.todo })
  })

  test('of an upgrade that was never started is not found', async () => {
    const { post } = serve({ engine: silent() })
    const { status, body } = await post('/v1/sync', wish, bearer)
    expect(status).toBe(404)
    expect(body.code).toBe('NOT_STARTED')
  })

  test('of another version than the one under way is not found', async () => {
    const { post } = serve({ engine: silent() })
    await post('/v1/start', wish, bearer)
    const { body } = await post('/v1/sync', { ...wish, version: 'v1.36.3' }, bearer)
    expect(body.code).toBe('NOT_STARTED')
  })
})

describe.each(['/v1/start', '/v1/sync'])('%s', (path) => {
  test('is not there without a token', async () => {
    const { post } = serve({ token: '', upgrades: upgradesAt(underWay) })
    for (const headers of [{}, bearer, { authorization: 'Bearer ' }, { authorization: 'Bearer' }]) {
      const { status, body } = await post(path, wish, headers)
      expect({ status, code: body.code }).toEqual({ status: 404, code: 'HOOK_UNKNOWN' })
    }
  })

  test.each([
    ['none', {}],
    ['an empty one', { authorization: '' }],
    ['a wrong one', { authorization: 'Bearer no' }],
    ['one of the same length', { authorization: `Bearer ${'x'.repeat(token.length)}` }],
    ['a part of it', { authorization: `Bearer ${token.slice(0, -1)}` }],
    ['it and more', { authorization: `Bearer ${token}x` }],
    ['another scheme', { authorization: `Basic ${token}` }],
    ['the bare token', { authorization: token }],
  ])('is refused with %s for a token, starts nothing and logs no token', async (_, headers) => {
    const upgrades = upgradesAt(underWay)
    const { post, log } = serve({ upgrades })
    const { status, body } = await post(path, wish, headers as Record<string, string>)
    expect({ status, code: body.code }).toEqual({ status: 401, code: 'TOKEN_WRONG' })
    expect(upgrades.started).toEqual([])
    expect(log()).toContain('TOKEN_WRONG')
    expect(log()).not.toContain(token.slice(0, -1))
  })

  test('requires the token before it reads the body', async () => {
    const { post } = serve({ upgrades: upgradesAt(underWay) })
    expect((await post(path, 'x'.repeat(11 * 1024 * 1024))).status).toBe(401)
  })

  test.each<[string, unknown, number, string]>([
    ['nothing', '', 400, 'REQUEST_NOT_JSON'],
    ['half a request', JSON.stringify(wish).slice(0, 20), 400, 'REQUEST_NOT_JSON'],
    ['a list', [wish], 400, 'REQUEST_INVALID'],
    ['no version', { ...wish, version: undefined }, 400, 'REQUEST_INVALID'],
    ['a version of another type', { ...wish, version: 1.35 }, 400, 'REQUEST_INVALID'],
    ['an empty version', { ...wish, version: '' }, 400, 'VERSION_MISSING'],
    ['a version that is none', { ...wish, version: 'latest' }, 400, 'VERSION_FORM'],
    ['no providerID', { ...wish, providerID: undefined }, 400, 'REQUEST_INVALID'],
    ['an empty providerID', { ...wish, providerID: '' }, 400, 'PROVIDER_ID_MISSING'],
    ['a providerID with a path in it', { ...wish, providerID: 'docker:////a/../b' }, 400, 'PROVIDER_ID_FORM'],
    ['no cluster', { ...wish, clusterName: undefined }, 400, 'REQUEST_INVALID'],
    ['a role that is none', { ...wish, role: 'etcd' }, 400, 'REQUEST_INVALID'],
    ['patches at a path that is relative', { ...wish, patchesDirectory: 'patches' }, 400, 'REQUEST_INVALID'],
    ['patches at a path that leads upwards', { ...wish, patchesDirectory: '/etc/../patches' }, 400, 'REQUEST_INVALID'],
    [
      'patches at a path with a line break',
      { ...wish, patchesDirectory: '/etc/patches\nreboot' },
      400,
      'REQUEST_INVALID',
    ],
    ['patches at no path', { ...wish, patchesDirectory: '' }, 400, 'REQUEST_INVALID'],
    ['patches that are no text', { ...wish, patchesDirectory: ['/etc/patches'] }, 400, 'REQUEST_INVALID'],
    ['no CA hash in a list', { ...wish, caCertHashes: [] }, 400, 'REQUEST_INVALID'],
    ['a CA hash that is none', { ...wish, caCertHashes: ['sha256:abc'] }, 400, 'REQUEST_INVALID'],
    ['a CA hash that is no list', { ...wish, caCertHashes: `sha256:${'0'.repeat(64)}` }, 400, 'REQUEST_INVALID'],
    ['an unknown setting', { ...wish, settings: { x: 'y' } }, 400, 'SETTING_UNKNOWN'],
    ['a wrong setting', { ...wish, settings: { addons: 'x' } }, 400, 'SETTING_VALUE'],
    ['11 MiB', 'x'.repeat(11 * 1024 * 1024), 413, 'REQUEST_TOO_LARGE'],
  ])('refuses %s with a coded answer that has what to do', async (_, request, status, code) => {
    const upgrades = upgradesAt(underWay)
    const { post } = serve({ upgrades })
    const answer = await post(path, request, bearer)
    expect({ status: answer.status, code: answer.body.code }).toEqual({ status, code })
    expect(answer.body.message).toMatch(new RegExp(`\\(${code}\\)$`))
    expect(answer.body.todo).not.toBe('')
    expect(upgrades.started).toEqual([])
  })
})
