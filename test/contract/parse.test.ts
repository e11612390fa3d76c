import Type from 'typebox'
import { describe, expect, test } from 'vitest'
import { firstError } from '../../src/contract/first-error.ts'
import { CanUpdateMachineRequest, UpdateMachineRequest } from '../../src/contract/objects.ts'
import { parser } from '../../src/contract/parse.ts'
import { asked, captured, type Json, put } from './captured.ts'

const parse = parser(CanUpdateMachineRequest)

test.each([
  ['nothing', ''],
  ['blanks', ' \n'],
  ['a word', 'hello'],
  ['two objects', '{}{}'],
  ['a comment', '{/* */}'],
  ['a trailing comma', '{"a":1,}'],
  ['YAML', 'kind: CanUpdateMachineRequest'],
  ['a byte order mark', '\uFEFF{}'],
])('%s is not JSON', (_, body) => {
  expect(() => parse(body)).toThrow(expect.objectContaining({ code: 'REQUEST_NOT_JSON', cause: undefined }))
})

test('a request that was cut off anywhere is not JSON', () => {
  const whole = JSON.stringify(asked.machine())
  for (let length = 0; length < whole.length; length += 97) {
    const cut = whole.slice(0, length)
    expect(() => parse(cut)).toThrow(expect.objectContaining({ code: 'REQUEST_NOT_JSON' }))
  }
})

describe('what is needed must be there and of its type; the message names the place', () => {
  test.each<[string[], unknown, string]>([
    [['current'], undefined, 'the body must have required properties current'],
    [['desired', 'machine'], undefined, '/desired must have required properties machine'],
    [['desired', 'machine', 'metadata', 'name'], 5, '/desired/machine/metadata/name must be string'],
    [['desired', 'machine', 'metadata', 'labels'], ['a'], '/desired/machine/metadata/labels must be object'],
    [['desired', 'machine', 'spec'], null, '/desired/machine/spec must be object'],
    [['desired', 'machine', 'spec', 'version'], 1.35, '/desired/machine/spec/version must be string'],
    [['desired', 'machine', 'spec', 'providerID'], {}, '/desired/machine/spec/providerID must be string'],
    [['current', 'infrastructureMachine'], 'x', '/current/infrastructureMachine must be object'],
    [['current', 'bootstrapConfig'], [], '/current/bootstrapConfig must be object'],
    [['settings'], 'x', '/settings must be object'],
    [['settings', 'addons'], true, '/settings/addons must be string'],
  ])('%j is %j', (path, value, what) => {
    const request = asked.machine()
    put(request, path, value)
    expect(() => parse(JSON.stringify(request))).toThrow(
      expect.objectContaining({ code: 'REQUEST_INVALID', values: { what } }),
    )
  })

  test.each(['null', 'true', '5', '"text"', '[]'])('the body is %s', (body) => {
    expect(() => parse(body)).toThrow('the body must be object')
  })
})

test('unknown fields are kept, because they take part in the comparison', () => {
  const parsed = parser(UpdateMachineRequest)(JSON.stringify(captured('update-machine.worker').body)) as Json
  expect(parsed).toEqual(captured('update-machine.worker').body)
})

test('a request with members of the names that JavaScript reserves changes no prototype', () => {
  const request = asked.machine()
  const text = JSON.stringify(request).replace('"spec":', '"__proto__":{"polluted":true},"constructor":1,"spec":')
  expect(() => parse(text)).not.toThrow()
  expect({}).not.toHaveProperty('polluted')
})

test('a value that is wrong is never quoted', () => {
  const check = parser(Type.Object({ token: Type.String(), form: Type.Union([Type.Literal('a'), Type.Literal('b')]) }))
  for (const body of [
    '{"token":["s3cret"],"form":"a"}',
    '{"token":"x","form":"s3cret"}',
    '{"token":"s3cret"',
    's3cret',
  ]) {
    expect(() => check(body)).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('s3cret'), cause: undefined }),
    )
  }
})

test('nothing is looked at after the first error', () => {
  const schema = Type.Record(Type.String(), Type.String())
  const looked: string[] = []
  const labels = {}
  for (const [key, label] of Object.entries({ a: 'x', b: 5, c: 6, d: 'y' })) {
    Object.defineProperty(labels, key, { enumerable: true, get: () => looked.push(key) && label })
  }
  expect(firstError(schema, labels, '/labels')).toBe('/labels/b must be string')
  expect([...new Set(looked)]).toEqual(['a', 'b'])
})

test('a body with a million errors is refused for the first', () => {
  const labels = Array.from({ length: 1_000_000 }, (_, i) => `"k${i}":1`)
  const body = `{"current":{"machine":{"metadata":{"name":"m","labels":{${labels}}}}},"desired":{}}`
  expect(() => parse(body)).toThrow(
    'The request does not have the required form: /current must have required properties infrastructureMachine. (REQUEST_INVALID)',
  )
})
