import { expect, test } from 'vitest'
import type { Observation } from '../../../src/machine/observation.ts'
import { planFor } from '../../../src/upgrade/plan.ts'
import type { Situation } from '../../../src/upgrade/step.ts'
import { verify } from '../../../src/upgrade/steps/verify.ts'
import { putAtTarget, startQuickLab } from '../../fake-docker/lab.ts'
import { situationOf } from '../walk.ts'

const bodies = [
  '',
  'null',
  '[]',
  '1',
  '"x"',
  '{}',
  '[null]',
  '{"data":null,"status":null,"items":null,"gitVersion":null}',
  '{"data":{"ClusterConfiguration":1},"status":{"nodeInfo":null,"conditions":{}},"items":[null],"gitVersion":{}}',
  '{"data":[],"status":{"nodeInfo":{"kubeletVersion":"v1.35.4"},"conditions":[null,{"type":"Ready"}]},"items":[{}]}',
]

// Everything is at the target, but for what the API answers.
async function situationWith(name: string, answer: (path: string) => string): Promise<Situation> {
  const lab = startQuickLab('cp-1', 'w-1')
  for (const each of ['cp-1', 'w-1']) putAtTarget(lab, each)
  const situation = await situationOf(lab, name, verify)
  const paths = planFor(situation)
    .flatMap(({ needs }) => needs.api?.(situation.machine) ?? [])
    .concat('/version')
  const api: Observation['api'] = new Map(paths.map((path) => [path, { kind: 'ok', body: answer(path) }]))
  const version = api.get('/version')
  const members = [{ name: 'cp-2', trouble: undefined, version, ready: true, etcdHealthy: true }]
  return { ...situation, members, observation: { ...situation.observation, api } }
}

test.each(bodies)('an API that answers %j to everything is something to wait for', async (body) => {
  for (const name of ['cp-1', 'w-1']) {
    const situation = await situationWith(name, () => body)
    expect(verify.done(situation)).toHaveProperty('waitsFor')
    for (const step of planFor(situation)) {
      if (step.needs.api || step.name === 'api-servers') expect(step.done(situation)).not.toBe('done')
    }
  }
})

test.each(bodies)('mirror pods that are %j have not settled', async (body) => {
  const whole = await situationOf(well(), 'cp-1', verify)
  const api = new Map(whole.observation.api)
  for (const path of api.keys()) if (path.includes('/pods?')) api.set(path, { kind: 'ok', body })
  expect(verify.done({ ...whole, observation: { ...whole.observation, api } })).toHaveProperty('waitsFor')
})

test('mirror pods that may not be read are named with the reason', async () => {
  const whole = await situationOf(well(), 'cp-1', verify)
  const api = new Map(whole.observation.api)
  const refused = { kind: 'forbidden', reason: 'Error from server (Forbidden): no' } as const
  for (const path of api.keys()) if (path.includes('/pods?')) api.set(path, refused)
  expect(verify.done({ ...whole, observation: { ...whole.observation, api } })).toEqual({
    waitsFor: 'the static pods (the API server refuses it: Error from server (Forbidden): no)',
  })
})

function well() {
  const lab = startQuickLab('cp-1')
  putAtTarget(lab, 'cp-1')
  return lab
}
