import fc from 'fast-check'
import { expect, test } from 'vitest'
import { containerOf } from '../../src/machine/locate.ts'

test.each(['m-1', 'a', '0', 'Machine_1.example', 'x'.repeat(200)])('docker:////%s names its container', (name) => {
  expect(containerOf(`docker:////${name}`)).toBe(name)
})

test.each([undefined, ''])('without a providerID (%j) no name is derived', (providerID) => {
  expect(() => containerOf(providerID)).toThrow(expect.objectContaining({ code: 'PROVIDER_ID_MISSING' }))
})

test.each([
  ['too few slashes', 'docker://m-1'],
  ['three slashes', 'docker:///m-1'],
  ['too many slashes', 'docker://///m-1'],
  ['no scheme', 'm-1'],
  ["kind's own form", 'kind://docker/lab/m-1'],
  ['another provider', 'aws:///eu-west-1a/i-0abc'],
  ['in-memory machines', 'in-memory:////m-1'],
  ['another case', 'Docker:////m-1'],
  ['no name', 'docker:////'],
  ['a path', 'docker:////m-1/exec'],
  ['a path upwards', 'docker:////../m-1'],
  ['two dots', 'docker:////m..1'],
  ['two dots alone', 'docker:////..'],
  ['a dot first', 'docker:////.m-1'],
  ['a dash first', 'docker:////-m'],
  ['a command', 'docker:////m-1;reboot'],
  ['a substitution', 'docker:////$(reboot)'],
  ['backticks', 'docker:////`reboot`'],
  ['a pipe', 'docker:////m-1|sh'],
  ['an ampersand', 'docker:////m-1&'],
  ['a quote', "docker:////m-1'"],
  ['a space', 'docker:////m 1'],
  ['a line end', 'docker:////m-1\n'],
  ['a second line', 'docker:////m-1\nm-2'],
  ['a NUL', 'docker:////m-1\0'],
  ['a query', 'docker:////m-1?x=y'],
  ['percent signs', 'docker:////m%2F1'],
  ['letters outside ASCII', 'docker:////mäschine'],
  ['space before', ' docker:////m-1'],
])('%s is refused: %j', (_what, providerID) => {
  expect(() => containerOf(providerID)).toThrow(expect.objectContaining({ code: 'PROVIDER_ID_FORM' }))
})

// The name goes into the path of requests to the engine.
test('whatever is accepted is one plain part of a path', () => {
  const name = fc.string({ unit: fc.constantFrom(...'ab0._-/$;% \n') })
  fc.assert(
    fc.property(name, (text) => {
      try {
        const container = containerOf(`docker:////${text}`)
        expect(new URL(`http://docker/containers/${container}/json`).pathname).toBe(`/containers/${text}/json`)
        expect(encodeURIComponent(container)).toBe(text)
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: 'PROVIDER_ID_FORM' })
      }
    }),
    { numRuns: 2000 },
  )
})
