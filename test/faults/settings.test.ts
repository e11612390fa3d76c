import { readdirSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { UpgradeError } from '../../src/errors/upgrade-error.ts'
import { forms } from '../../src/faults/requested.ts'
import { faults, parameters } from '../../src/faults/table.ts'
import { paths, serve, token, upgradesAt } from '../app/serve.ts'
import { asked, captured, type Json } from '../contract/captured.ts'
import { bodies, hooks, misbehaving, underWay, values } from './asking.ts'

// Every request of the fixtures is about the cluster w1 in the namespace default.
const own = 'fault/default/w1'
const bearer = { authorization: `Bearer ${token}` }
const wish = { providerID: 'docker:////w1-md-1', clusterName: 'w1', version: 'v1.35.4' }

const wrongValues = [
  '',
  'None',
  'none ',
  'none:',
  'declined',
  'discovery-fails',
  'constructor',
  '__proto__',
  'decline:',
  'decline:files',
  'partial:machine',
  'block:discovery',
  'wrong-status:all:200',
  'wrong-status:all:304',
  'wrong-status:503',
  'fail-at',
  'fail-at:',
  'fail-at:reboot',
  'fail-at:kubeadm:0',
  'fail-at:kubeadm:-1',
  'fail-at:kubeadm:1.5',
  'fail-at:kubeadm:1000',
  'fail-at:kubeadm:',
  'fail-at:kubeadm:2:3',
  'crash-at:Kubeadm',
  'crash-at:kubeadm:once',
]

// Whether a value is about the answers of this hook; the steps have a test of their own.
function happens(hook: string, value: string): boolean {
  const on = faults[value.split(':')[0] ?? '']?.on
  return on === 'all' || on === (hook === 'updateMachine' ? 'update-machine' : 'can-update')
}

test('the forms of the values are those of the table, but for what only the environment can request', () => {
  expect(forms).toEqual(
    'decline[:<object>] partial bad-patch block[:<hook>] slow[:<hook>] hang[:<hook>] malformed-json[:<hook>] wrong-status[:<hook>[:<status>]] done-too-early never-done fail-at:<step>[:<times>] crash-at:<step>[:<times>]'.split(
      ' ',
    ),
  )
  expect(Object.keys(faults)).toHaveLength(forms.length + 1)
})

test('the steps are all steps that there are', () => {
  const folder = new URL('../../src/upgrade/steps/', import.meta.url)
  const files = readdirSync(folder).filter((name) => name.endsWith('.ts'))
  const names = files.map((name) => name.replace('.ts', '')).sort()
  expect(parameters.step.allowed.split(', ').sort()).toEqual(names)
})

describe.each(hooks)('%s', (hook) => {
  test('a call that requests misbehaviour is refused where it was not allowed, and starts nothing', async () => {
    const upgrades = upgradesAt(underWay)
    const { post } = serve({ upgrades })
    for (const key of ['fault', own])
      for (const value of values) {
        const { status, body } = await post(paths[hook], { ...bodies[hook](), settings: { [key]: value } })
        expect({ status, answer: body.status }).toEqual({ status: 200, answer: 'Failure' })
        expect(body.message).toMatch(/\(FAULTS_NOT_ALLOWED\)$/)
        expect(body.message).toContain(`"${key}"`)
      }
    expect(upgrades.started).toEqual([])
  })

  test('where misbehaviour is allowed, a call that requests none is answered as usual', async () => {
    const { post } = misbehaving()
    const plain = await serve({ upgrades: upgradesAt(underWay) }).post(paths[hook], bodies[hook]())
    for (const settings of [undefined, {}, { fault: 'none' }, { [own]: 'none' }, { fault: 'block', [own]: 'none' }]) {
      const request = { ...bodies[hook](), ...(settings ? { settings } : {}) }
      expect(await post(paths[hook], request)).toEqual(plain)
    }
  })

  test.each(['fault', own])('each value of the table is taken under the key %s', async (key) => {
    const { app, seen } = misbehaving()
    for (const value of values) {
      const payload = JSON.stringify({ ...bodies[hook](), settings: { [key]: value } })
      const { body } = await app.inject({ method: 'POST', url: paths[hook], payload })
      expect(body).not.toContain('SETTING_')
      expect(seen.splice(0)).toEqual(happens(hook, value) ? [value.split(':')[0]] : [])
    }
  })

  test('a value that is none of the table is a Failure that names the key and what may stand there, and starts nothing', async () => {
    const { post, started } = misbehaving()
    for (const key of ['fault', own])
      for (const value of wrongValues) {
        const { status, body } = await post(paths[hook], { ...bodies[hook](), settings: { [key]: value } })
        expect({ value, status, answer: body.status }).toEqual({ value, status: 200, answer: 'Failure' })
        expect(body.message).toMatch(new RegExp(`^The setting "${key}" must be one of: .*\\(SETTING_VALUE\\)$`))
      }
    expect(started).toEqual([])
  })

  test('any other value is refused in the same way', async () => {
    const { post, started } = misbehaving()
    const text = fc.oneof(
      fc.string(),
      fc.string().map((end) => `fail-at:${end}`),
      fc.constantFrom(...values).map((value) => `${value}x`),
    )
    await fc.assert(
      fc.asyncProperty(text, async (value) => {
        const { body } = await post(paths[hook], { ...bodies[hook](), settings: { fault: value } })
        expect(body.message).toMatch(/\(SETTING_VALUE\)$/)
      }),
    )
    expect(started).toEqual([])
  })

  test("another cluster's misbehaviour, right or wrong, changes nothing", async () => {
    const { post } = misbehaving()
    const plain = await post(paths[hook], bodies[hook]())
    const name = fc.stringMatching(/^[a-z][a-z0-9.-]{0,20}$/)
    const key = fc.tuple(name, name).map((names) => `fault/${names.join('/')}`)
    const value = fc.oneof(fc.constantFrom(...values), fc.string())
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(
          key.filter((text) => text !== own),
          value,
        ),
        async (settings) => {
          expect(await post(paths[hook], { ...bodies[hook](), settings })).toEqual(plain)
        },
      ),
    )
    for (const near of ['fault/default/w', 'fault/default/w11', 'fault/defaul/w1', 'fault/w1/default'])
      expect(await post(paths[hook], { ...bodies[hook](), settings: { [near]: 'block' } })).toEqual(plain)
  })

  test.each([
    'fault/',
    'fault/default',
    'fault/default/',
    'fault//w1',
    'fault/default/w1/more',
    'fault.default.w1',
    'faults',
  ])('the key %j does not exist', async (key) => {
    const { body } = await misbehaving().post(paths[hook], { ...bodies[hook](), settings: { [key]: 'none' } })
    expect(body.message).toBe(new UpgradeError('SETTING_UNKNOWN', { key }).message)
  })

  test('the key of the own cluster wins, and other settings stay in effect next to it', async () => {
    for (const [settings, misbehaves] of [
      [{ fault: 'none', [own]: 'block' }, true],
      [{ fault: 'block', [own]: 'none' }, false],
      [{ fault: 'not even a name', [own]: 'none' }, false],
      [{ fault: 'block', 'fault/default/other': 'none' }, true],
      [{ addons: 'kubeadm', [own]: 'block' }, true],
    ] as const) {
      const { body } = await misbehaving().post(paths[hook], { ...bodies[hook](), settings })
      expect({ settings, failed: body.status === 'Failure' }).toEqual({ settings, failed: misbehaves })
    }
    const wrong = { ...bodies[hook](), settings: { addons: 'maybe', [own]: 'none' } }
    expect((await misbehaving().post(paths[hook], wrong)).body.message).toMatch(/"addons".*\(SETTING_VALUE\)$/)
  })

  test('a cluster is known by the namespace and the label, and without a label by spec.clusterName', async () => {
    const text = JSON.stringify(bodies[hook]())
    const label = '"cluster.x-k8s.io/cluster-name":"w1"'
    for (const [body, key] of [
      [text.replaceAll('"namespace":"default"', '"namespace":"team-a"'), 'fault/team-a/w1'],
      [text.replaceAll(label, '"cluster.x-k8s.io/cluster-name":"w.2"'), 'fault/default/w.2'],
      [text.replaceAll(label, '"a":"b"').replaceAll('"clusterName":"w1"', '"clusterName":"w3"'), 'fault/default/w3'],
    ] as const) {
      expect(body).not.toBe(text)
      const { seen, post } = misbehaving()
      await post(paths[hook], { ...JSON.parse(body), settings: { [key]: 'block' } })
      expect({ key, seen }).toEqual({ key, seen: ['block'] })
    }
  })
})

test('what is requested for a cluster reaches the upgrade as its fault, and nothing of the request is lost', async () => {
  const received: Json[] = []
  const updateMachine = (body: string) => {
    received.push(JSON.parse(body))
    throw new Error('heard enough')
  }
  const { post } = serve({ faults: true, handlers: { updateMachine } })
  const { body } = captured('update-machine.worker')
  const settings = { addons: 'kcp', [own]: 'fail-at:kubeadm', 'fault/default/w2': 'block', fault: 'slow' }
  await post(paths.updateMachine, { ...body, settings })
  expect(received).toEqual([{ ...body, settings: { addons: 'kcp', fault: 'fail-at:kubeadm' } }])
})

describe.each(['/v1/start', '/v1/sync'])('%s', (path) => {
  const code = async (settings: Json, allowed: boolean) => {
    const upgrades = upgradesAt(underWay)
    const { body } = await serve({ upgrades, faults: allowed }).post(path, { ...wish, settings }, bearer)
    return { code: body.code, started: upgrades.started.length }
  }

  test('knows no keys of clusters, because it knows no namespaces', async () => {
    expect(await code({ [own]: 'none' }, true)).toEqual({ code: 'SETTING_UNKNOWN', started: 0 })
  })

  if (path === '/v1/start') {
    test('refuses misbehaviour that was not allowed or does not exist, and starts nothing', async () => {
      expect(await code({ fault: 'fail-at:kubeadm' }, false)).toEqual({ code: 'FAULTS_NOT_ALLOWED', started: 0 })
      expect(await code({ fault: 'fail-at:reboot' }, true)).toEqual({ code: 'SETTING_VALUE', started: 0 })
      expect(await code({ fault: 'fail-at:kubeadm' }, true)).toEqual({ code: undefined, started: 1 })
    })
  }
})

test('the requests of the fixtures are about w1', () => {
  for (const { desired } of [asked.machine(), asked.machineSet()])
    expect((desired.machine ?? desired.machineSet)?.metadata).toMatchObject({ namespace: 'default' })
})

test.each(Object.entries(faults))('the form of %s begins with its name and has its parameters', (name, {
  form,
  takes,
}) => {
  const optional = takes.filter((parameter) => parameters[parameter].default !== '')
  expect(form.split(/[[:]/)[0]).toBe(name)
  expect([...form.matchAll(/<(\w+)>/g)].map(([, parameter]) => parameter)).toEqual(takes)
  expect([...form.matchAll(/\[:<(\w+)>/g)].map(([, parameter]) => parameter)).toEqual(optional)
})
