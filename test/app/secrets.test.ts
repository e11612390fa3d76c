import { describe, expect, test } from 'vitest'
import { asked, captured, type Json, put } from '../contract/captured.ts'
import { paths, serve, silent, token } from './serve.ts'

// A request can hold bootstrap tokens, contents of files and private keys. None of it may be seen in an answer
// (answers end up in conditions) nor in the log.
const secret = 'abcdef.0123456789abcdef'

type Hook = 'canUpdateMachine' | 'canUpdateMachineSet' | 'updateMachine'

function expectKept(seen: { answer: unknown; log: string }) {
  expect(JSON.stringify(seen.answer)).not.toContain(secret)
  expect(seen.log).not.toBe('')
  expect(seen.log).not.toContain(secret)
}

// Every place of a request into which the secret is put, one after the other.
function placesOf(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [path]
  return [path, ...Object.entries(value).flatMap(([key, member]) => placesOf(member, [...path, key]))]
}

// A few of these are names, which answers do quote: of the cluster, of the machine and of the object's kind.
const quoted = /(^|\/)(kind|clusterName|name)$/

// With a file that is new, whose content may be secret.
function withFile(request: Json): Json {
  const desired = request.desired as Json
  const place = 'machineSet' in desired ? ['bootstrapConfigTemplate', 'spec', 'template'] : ['bootstrapConfig']
  put(desired, [...place, 'spec', 'files'], [{ path: '/etc/a', content: 'a', owner: 'root', permissions: '0600' }])
  return request
}

describe.each<[Hook, () => Json]>([
  ['canUpdateMachine', () => withFile(asked.machine())],
  ['canUpdateMachineSet', () => withFile(asked.machineSet())],
  ['updateMachine', () => withFile(captured('update-machine.worker').body)],
])('%s keeps to itself', (hook, request) => {
  test('a value anywhere in the request, whatever it is mistaken for', async () => {
    const served = serve({ engine: silent() })
    for (const path of placesOf(request()).filter((one) => one.length > 0 && !quoted.test(one.join('/')))) {
      const body = request()
      put(body, path, secret)
      expectKept({ answer: await served.post(paths[hook], body), log: `${served.log()} ` })
    }
  })

  test('the text of a body that is no JSON', async () => {
    const served = serve()
    for (const body of [secret, `{"token":"${secret}`, `{"token":${secret}}`, `"${secret}"`, `[${secret}]`]) {
      expectKept({ answer: await served.post(paths[hook], body), log: served.log() })
    }
  })

  test('the value of a setting', async () => {
    const served = serve()
    const answer = await served.post(paths[hook], { ...request(), settings: { addons: secret } })
    expectKept({ answer, log: served.log() })
  })

  test('the headers of the request', async () => {
    const served = serve()
    const headers = { authorization: `Bearer ${secret}`, cookie: secret, 'x-secret': secret }
    expectKept({ answer: await served.post(paths[hook], 'no JSON', headers), log: served.log() })
  })
})

test('start and sync keep to themselves the token that was sent and the one that was meant', async () => {
  const served = serve()
  const answer = await served.post('/v1/start', secret, { authorization: `Bearer ${secret}` })
  expectKept({ answer, log: served.log() })
  expect(served.log()).not.toContain(token)
})

test('the captured bootstrap token is not in the log of the call that carried it', async () => {
  const served = serve({ engine: silent() })
  const { body } = captured('update-machine.worker')
  const carried = 'r2183n.8gxyp5x85d9oxqsl'
  expect(JSON.stringify(body)).toContain(carried)
  const answer = await served.post(paths.updateMachine, body)
  expect(JSON.stringify(answer)).not.toContain(carried)
  expect(served.log()).not.toContain(carried)
})
