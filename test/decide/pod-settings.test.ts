import { applyPatch } from 'rfc6902'
import { expect, test } from 'vitest'
import { decide } from '../../src/decide/decide.ts'
import { question } from './questions.ts'

const same = { versions: ['v1.35.4', 'v1.35.4'] as [string, string] }
const argumentsOf = (...list: [name: string, value: string][]) => list.map(([name, value]) => ({ name, value }))
const v = (value: string) => ({ clusterConfiguration: { apiServer: { extraArgs: argumentsOf(['v', value]) } } })

test('several settings that bring one parent are one patch after the other', () => {
  const volume = { name: 'a', hostPath: '/a', mountPath: '/a' }
  const apiServer = { extraArgs: argumentsOf(['v', '3']), extraVolumes: [volume], extraEnvs: argumentsOf(['A', 'b']) }
  const desired = { clusterConfiguration: { apiServer, scheduler: { extraArgs: argumentsOf(['v', '3']) } } }
  const asked = question({ ...same, bootstrap: [{}, desired] })
  const { declined, operations } = decide(asked)
  expect(declined).toEqual([])
  const patched = structuredClone(asked.bootstrapConfig.current)
  expect(applyPatch(patched, operations.bootstrapConfig)).toEqual(operations.bootstrapConfig.map(() => null))
  expect(patched.spec).toEqual(desired)
})

test.each<[string, Parameters<typeof question>[0]]>([
  ['the static pods are exchanged one by one', { exchange: 'one-by-one' }],
  ['only the version is updated in place', { changes: 'version' }],
  ['kubeadm is older than v1.31', { versions: ['v1.30.1', 'v1.30.1'] }],
  [
    'kubeadm has patches',
    {
      bootstrap: [
        { ...v('1'), joinConfiguration: { patches: { directory: '/p' } } },
        { ...v('2'), joinConfiguration: { patches: { directory: '/p' } } },
      ],
    },
  ],
  ['the machine is a worker', { role: 'worker' }],
])('a setting is not covered where %s', (_, wish) => {
  const { declined } = decide(question({ ...same, bootstrap: [v('1'), v('2')], ...wish }))
  expect(declined.map(({ code }) => code)).not.toEqual([])
})

test.each([
  'data-dir',
  'name',
  'initial-cluster-state',
  'listen-peer-urls',
  'force-new-cluster',
])('the argument %s of etcd is not covered', (name) => {
  const of = (value: string) => ({
    clusterConfiguration: { etcd: { local: { extraArgs: argumentsOf([name, value]) } } },
  })
  const { declined } = decide(question({ ...same, bootstrap: [of('a'), of('b')] }))
  expect(declined.map(({ code }) => code)).toEqual(['SETTING_NOT_COVERED'])
})

test('a variable that the kubelet is to find elsewhere is not covered', () => {
  const of = (fieldPath: string) => ({
    clusterConfiguration: { scheduler: { extraEnvs: [{ name: 'A', valueFrom: { fieldRef: { fieldPath } } }] } },
  })
  const { declined } = decide(question({ ...same, bootstrap: [of('status.podIP'), of('status.hostIP')] }))
  expect(declined.map(({ code }) => code)).toEqual(['SETTING_NOT_COVERED'])
})

test('another order of the values of one name is not covered, and another order of names is', () => {
  const of = (...list: [string, string][]) => ({
    clusterConfiguration: { apiServer: { extraArgs: argumentsOf(...list) } },
  })
  const decided = (before: object, after: object) => decide(question({ ...same, bootstrap: [before, after] })).declined
  const issuers = of(['issuer', 'a'], ['issuer', 'b'], ['v', '2'])
  expect(decided(issuers, of(['issuer', 'b'], ['issuer', 'a'], ['v', '2']))).toMatchObject([
    { code: 'SETTING_NOT_COVERED', values: { why: 'only the order of the values of issuer changes' } },
  ])
  expect(decided(issuers, of(['v', '2'], ['issuer', 'a'], ['issuer', 'b']))).toEqual([])
  expect(decided(issuers, of(['issuer', 'c'], ['issuer', 'b'], ['issuer', 'a'], ['v', '2']))).toEqual([])
})

test('a setting that is removed is not covered', () => {
  const { declined } = decide(question({ ...same, bootstrap: [v('2'), { clusterConfiguration: { apiServer: {} } }] }))
  expect(declined.map(({ code }) => code)).toEqual(['SETTING_NOT_COVERED'])
})

test.each([[[]], ['text'], [[{ extraArgs: [] }]]])('a parent that is %j is not patched', (apiServer) => {
  const asked = question({ ...same, bootstrap: [{ clusterConfiguration: { apiServer } }, v('2')] })
  const { declined, operations } = decide(asked)
  expect(declined.map(({ code }) => code)).not.toEqual([])
  expect(operations.bootstrapConfig).toEqual([])
})
