import { expect, test } from 'vitest'
import { paths, serve, upgradesAt } from '../app/serve.ts'
import { asked, captured } from '../contract/captured.ts'

const bodies = {
  canUpdateMachine: asked.machine,
  canUpdateMachineSet: asked.machineSet,
  updateMachine: () => captured('update-machine.worker').body,
}
const hooks = Object.keys(bodies) as (keyof typeof bodies)[]
const underWay = { phase: 'InProgress', step: 'kubeadm', message: 'm', retryAfterSeconds: 10 } as const

test.each(hooks)('a %s call that asks for misbehaviour is refused, and starts nothing', async (hook) => {
  const upgrades = upgradesAt(underWay)
  const { post } = serve({ upgrades })
  const { status, body } = await post(paths[hook], {
    ...bodies[hook](),
    settings: { fault: 'done-too-early' },
  })
  expect(status).toBe(200)
  expect(body.status).toBe('Failure')
  expect(body.message).toMatch(/\(FAULTS_NOT_ALLOWED\)$/)
  expect(upgrades.started).toEqual([])
})

test('done-too-early says done while nothing was started, where it is allowed', async () => {
  const upgrades = upgradesAt(underWay)
  const { post } = serve({ upgrades, faults: true })
  const request = { ...captured('update-machine.worker').body, settings: { fault: 'done-too-early' } }
  const { body } = await post(paths.updateMachine, request)
  expect(body).toMatchObject({ status: 'Success', retryAfterSeconds: 0 })
  expect(body.message).toContain('done-too-early')
  expect(upgrades.started).toEqual([])
})

test.each(hooks)('where misbehaviour is allowed, a %s call that asks for none is answered as ever', async (hook) => {
  for (const settings of [undefined, {}, { fault: 'none' }]) {
    const request = { ...bodies[hook](), ...(settings ? { settings } : {}) }
    const [allowed, refused] = [
      serve({ upgrades: upgradesAt(underWay), faults: true }),
      serve({ upgrades: upgradesAt(underWay) }),
    ]
    expect(await allowed.post(paths[hook], request)).toEqual(await refused.post(paths[hook], request))
  }
})

test('where misbehaviour is allowed, done-too-early changes nothing of the decision', async () => {
  const { post } = serve({ faults: true })
  const plain = await post(paths.canUpdateMachine, asked.machine())
  const request = { ...asked.machine(), settings: { fault: 'done-too-early' } }
  expect(await post(paths.canUpdateMachine, request)).toEqual(plain)
})

test('no misbehaviour touches discovery', async () => {
  const { post } = serve({ faults: true })
  const { body } = await post(paths.discovery, { settings: { fault: 'done-too-early' } })
  expect(body).toMatchObject({ kind: 'DiscoveryResponse', status: 'Success' })
})
