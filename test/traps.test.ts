import { expect, test } from 'vitest'
import { coversAll } from '../e2e/player/cluster-api.ts'
import { UpgradeError } from '../src/errors/upgrade-error.ts'
import type { Container } from '../src/machine/engine.ts'
import { kubeadm } from '../src/upgrade/steps/kubeadm.ts'
import { kubeadmConfig } from '../src/upgrade/steps/kubeadm-config.ts'
import { verify } from '../src/upgrade/steps/verify.ts'
import { paths, serve, silent, upgradesAt } from './app/serve.ts'
import { asked, captured, type Json, patchIn, put } from './contract/captured.ts'
import { putAtTarget, startQuickLab, startWorkersLab } from './fake-docker/lab.ts'
import { old, target } from './fake-docker/release.ts'
import { situationOf } from './upgrade/walk.ts'

// The fourteen traps of Cluster API's contract for in-place updates (CAPI v1.14.2), and what is done about each.
const underWay = { phase: 'InProgress', step: 'kubeadm', message: 'm', retryAfterSeconds: 10 } as const
const update = () => captured('update-machine.worker').body as Json & { desired: Record<string, Json> }
const hasPatch = (answer: Json) => Object.keys(answer).some((field) => field.endsWith('Patch'))

interface Handler {
  requestHook: { hook: string }
  failurePolicy: string
}

test('trap 1: the client sends no Content-Type header, and more than 1 MiB', async () => {
  const { app } = serve()
  for (const padding of ['', 'x'.repeat(5 * 1024 * 1024)]) {
    const payload = JSON.stringify({ ...asked.machine(), padding })
    const answer = await app.inject({ method: 'POST', url: paths.canUpdateMachine, payload })
    expect(answer.raw.req.headers).not.toHaveProperty('content-type')
    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toMatchObject({ status: 'Success', machinePatch: { patchType: 'JSONPatch' } })
  }
})

test('trap 2: a patch is a base64 string, not inline JSON', async () => {
  const { post } = serve()
  const { body } = await post(paths.canUpdateMachine, asked.machine())
  const { patch } = body.machinePatch as { patch: string }
  expect(patch).toBe('W3sib3AiOiJyZXBsYWNlIiwicGF0aCI6Ii9zcGVjL3ZlcnNpb24iLCJ2YWx1ZSI6InYxLjM1LjQifV0=')
})

test('trap 3: exactly one handler per hook may match, so discovery names each hook once', async () => {
  const { post } = serve()
  const { body } = await post(paths.discovery)
  const named = (body.handlers as Handler[]).map(({ requestHook }) => requestHook.hook)
  expect(named.sort()).toEqual(['CanUpdateMachine', 'CanUpdateMachineSet', 'UpdateMachine'])
})

test('trap 4: an update is in place only if all three objects come out equal, so one change too many is none', async () => {
  const { post } = serve()
  const request = asked.machine()
  expect(coversAll(request, (await post(paths.canUpdateMachine, request)).body)).toBe(true)
  for (const [object, path] of [
    ['machine', 'failureDomain'],
    ['bootstrapConfig', 'files'],
    ['infrastructureMachine', 'extra'],
  ] as const) {
    const more = asked.machine()
    put(more.desired[object], ['spec', path], {})
    expect(coversAll(more, (await post(paths.canUpdateMachine, more)).body)).toBe(false)
  }
})

test('trap 5: failurePolicy Ignore turns an unreachable extension into "update finished", so it is Fail', async () => {
  const { post } = serve()
  const { body } = await post(paths.discovery)
  expect((body.handlers as Handler[]).map(({ failurePolicy }) => failurePolicy)).toEqual(['Fail', 'Fail', 'Fail'])
})

test('trap 6: retryAfterSeconds of 0 or less is done, so nothing but done says it', async () => {
  for (const retryAfterSeconds of [10, 0.2, 0, -5]) {
    const { post } = serve({ upgrades: upgradesAt({ ...underWay, retryAfterSeconds }) })
    const { body } = await post(paths.updateMachine, update())
    expect(body.status).toBe('Success')
    expect(body.retryAfterSeconds).toBeGreaterThanOrEqual(1)
  }
  const done = { phase: 'Done', step: '', message: 'm', retryAfterSeconds: 0 } as const
  const { post } = serve({ upgrades: upgradesAt(done) })
  expect((await post(paths.updateMachine, update())).body).toMatchObject({
    status: 'Success',
    retryAfterSeconds: 0,
  })
})

test('trap 7: the verdict on a MachineSet is kept for 24 h, so trouble is a Failure and never an answer without patches', async () => {
  const { post } = serve()
  const troubles = [
    { ...asked.machineSet(), settings: { addons: 'maybe' } },
    { ...asked.machineSet(), settings: { fault: 'done-too-early' } },
    { ...asked.machineSet(), desired: {} },
    JSON.stringify(asked.machineSet()).slice(0, 500),
  ]
  for (const request of troubles) expect((await post(paths.canUpdateMachineSet, request)).body.status).toBe('Failure')
})

test('trap 7: the verdict hangs on nothing but the request: not on the engine, not on what was asked before', async () => {
  const engine = silent({ ping: async () => Promise.reject(new UpgradeError('ENGINE_UNREACHABLE')) })
  const { post } = serve({ engine })
  const first = await post(paths.canUpdateMachineSet, asked.machineSet())
  await post(paths.canUpdateMachineSet, captured('can-update-machine-set.bootstrap-files').body)
  expect(await post(paths.canUpdateMachineSet, asked.machineSet())).toEqual(first)
  expect(hasPatch(first.body)).toBe(true)
})

test('trap 8: CAPD forbids a change of customImage, so it is never claimed', async () => {
  const { post } = serve()
  for (const [before, after] of [
    ['a:v1', 'a:v2'],
    [undefined, 'a:v2'],
    ['a:v1', undefined],
  ]) {
    for (const kind of ['DevMachine', 'DockerMachine']) {
      const where = kind === 'DevMachine' ? ['backend', 'docker', 'customImage'] : ['customImage']
      const machine = asked.machine()
      const set = asked.machineSet()
      for (const [side, image] of [
        ['current', before],
        ['desired', after],
      ] as const) {
        put(machine[side].infrastructureMachine, ['kind'], kind)
        put(set[side].infrastructureMachineTemplate, ['kind'], `${kind}Template`)
        if (image === undefined) continue
        put(machine[side].infrastructureMachine, ['spec', ...where], image)
        put(set[side].infrastructureMachineTemplate, ['spec', 'template', 'spec', ...where], image)
      }
      const one = (await post(paths.canUpdateMachine, machine)).body
      const other = (await post(paths.canUpdateMachineSet, set)).body
      expect(one).not.toHaveProperty('infrastructureMachinePatch')
      expect(other).not.toHaveProperty('infrastructureMachineTemplatePatch')
      expect(coversAll(machine, one)).toBe(false)
      expect(coversAll(set, other)).toBe(false)
    }
  }
})

test('trap 9: KCP writes the target into kubeadm-config before the first call, so that is waited for', async () => {
  const lab = startQuickLab('cp-1')
  lab.cluster.kubeadmConfigVersion = old
  const before = await situationOf(lab, 'cp-1', kubeadmConfig)
  expect(kubeadmConfig.done(before)).toEqual({ waitsFor: `kubeadm-config to name ${target}` })
  lab.cluster.kubeadmConfigVersion = target
  expect(kubeadmConfig.done(await situationOf(lab, 'cp-1', kubeadmConfig))).toBe('done')
  // Waiting is all: nothing could write it.
  expect(kubeadmConfig.action).toBeUndefined()
})

test("trap 9: KCP upgrades kube-proxy and CoreDNS itself, so kubeadm's addon phase is skipped", async () => {
  const lab = startQuickLab('cp-1')
  const action = kubeadm.action?.(await situationOf(lab, 'cp-1', kubeadm))
  expect(action).toMatchObject({ kind: 'unit', args: expect.arrayContaining(['--skip-phases=addon']) })
})

test('trap 10: after done the Machine waits for the kubelet version in its Node, so done waits for it too', async () => {
  const lab = startWorkersLab('w-1')
  putAtTarget(lab, 'w-1')
  const node = lab.cluster.nodes.get('w-1')
  if (!node) throw new Error('w-1 has no Node')
  node.kubeletVersion = old
  expect(verify.done(await situationOf(lab, 'w-1', verify))).toEqual({ waitsFor: `the Node to report ${target}` })
  node.kubeletVersion = target
  expect(verify.done(await situationOf(lab, 'w-1', verify))).toBe('done')
})

test('trap 11: UpdateMachine gets the desired state only, and the container is found by its providerID alone', async () => {
  const asked: string[] = []
  const inspect = async (name: string): Promise<Container> => {
    asked.push(name)
    throw new UpgradeError('CONTAINER_MISSING', { name })
  }
  const { post } = serve({ engine: silent({ inspect }) })
  const request = update()
  expect(request).not.toHaveProperty('current')
  put(request.desired.machine, ['spec', 'providerID'], 'docker:////another-name')
  const { body } = await post(paths.updateMachine, request)
  expect(asked).toEqual(['another-name'])
  expect(body.message).toContain('another-name')
  put(request.desired.machine, ['spec', 'providerID'], undefined)
  expect((await post(paths.updateMachine, request)).body.message).toContain('PROVIDER_ID_MISSING')
  expect(asked).toEqual(['another-name'])
})

test('trap 12: a Failure is not the end: CAPI calls again, and after a short rest each call looks at the machine', async () => {
  let looks = 0
  const inspect = async (name: string): Promise<Container> => {
    looks++
    throw new UpgradeError('CONTAINER_MISSING', { name })
  }
  let seconds = 0
  const clock = { now: () => 0, monotonic: () => seconds * 1000, sleep: () => new Promise<void>(() => {}) }
  const { post } = serve({ engine: silent({ inspect }), clock })
  for (let calls = 1; calls <= 3; calls++) {
    for (const _ of ['the first', 'one that comes at once']) {
      const { body } = await post(paths.updateMachine, update())
      expect(body).toMatchObject({ status: 'Failure', message: expect.stringContaining('CONTAINER_MISSING') })
      expect(looks).toBe(calls)
    }
    seconds += 30
  }
})

test('trap 13: KCP with one replica never asks: how many there are is its affair, and never ours', async () => {
  const { post } = serve()
  const answers = []
  for (const replicas of [0, 1, 3]) {
    const request = asked.machineSet()
    put(request.current.machineSet, ['spec', 'replicas'], replicas)
    put(request.desired.machineSet, ['spec', 'replicas'], replicas)
    answers.push((await post(paths.canUpdateMachineSet, request)).body)
  }
  expect(answers[1]).toEqual(answers[0])
  expect(answers[2]).toEqual(answers[0])
  expect(patchIn(answers[0] as Json, 'machineSetPatch')).toHaveLength(1)
})

test('trap 14: the core manager exits when discovery fails for 60 s, so nothing makes it fail', async () => {
  const engine = silent({ ping: async () => Promise.reject(new UpgradeError('ENGINE_UNREACHABLE')) })
  const { app, post } = serve({ engine })
  expect((await app.inject('/readyz')).statusCode).toBe(503)
  for (const body of ['', 'no JSON', '{"settings":{"fault":"done-too-early","x":"y"}}', 'null']) {
    expect(await post(paths.discovery, body)).toMatchObject({ status: 200, body: { status: 'Success' } })
  }
})
