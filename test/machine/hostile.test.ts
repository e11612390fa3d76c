import { expect, test, vi } from 'vitest'
import { parseObservation } from '../../src/machine/observation-document.ts'
import { unknownManifest } from '../../src/machine/pod-document.ts'
import { longestYaml } from '../../src/machine/yaml.ts'
import { clusterConfiguration, kubeadmConfigPath } from '../../src/upgrade/control-plane.ts'
import { kubeadm } from '../../src/upgrade/steps/kubeadm.ts'
import { target } from '../fake-docker/release.ts'
import { usualSources } from '../upgrade/walk.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')
const always = { bootId: 'boot', uptime: 1, now: 1, recordDigest: '' }

function manifestsOf(yaml: string) {
  const manifests = { '': '', 'etcd.yaml': base64(yaml), 'kube-apiserver.yaml': base64(yaml) }
  return parseObservation(JSON.stringify({ ...always, manifests })).manifests
}

function configurationOf(yaml: string) {
  const body = JSON.stringify({ data: { ClusterConfiguration: yaml } })
  const api = [{ path: base64(kubeadmConfigPath), answer: { exitCode: 0, text: base64(body) } }]
  return clusterConfiguration(parseObservation(JSON.stringify({ ...always, api })))
}

// The sizes are such that work which grows with their square does not end within a test's time.
const many = (text: string) => text.repeat(1_000_000 / text.length)
const keys = Array.from({ length: 80_000 }, (_, i) => `key${i}: b`).join('\n')

test.each([
  ['keys', keys],
  ['tags', many('!a ')],
  ['ends of a list', many(']')],
  ['beginnings of a list', many('[')],
])('a manifest and a configuration of a million %s are not read', (_, yaml) => {
  expect(manifestsOf(yaml).get('etcd')).toMatchObject({ image: undefined })
  expect(configurationOf(yaml)).toEqual({ waitsFor: "the cluster's kubeadm-config to name a version" })
})

test.each([
  ']',
  '[',
  '{}',
  '!a ',
  '*a ',
  '- ',
  'a: b: c\n',
  '"" ',
])('as much as is read of %j is no manifest', (text) => {
  const worst = text.repeat(longestYaml / text.length)
  expect(manifestsOf(worst).get('etcd')).toMatchObject({ image: undefined })
})

test('what a manifest or a configuration holds is never quoted on standard error', async () => {
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  const yaml = '%UNKNOWN secret\n---\nspec:\n  containers:\n    - image: !secret x\nkubernetesVersion: !secret v1\n'
  expect(manifestsOf(yaml).get('etcd')).toMatchObject({ image: 'x' })
  configurationOf(yaml)
  expect(warned).not.toHaveBeenCalled()
})

test('a log of one line and a million words of one kind is explained', () => {
  const unit = { name: 'kubeadm', state: 'failed', invocationId: '', exitCode: 1, result: 'exit-code' } as const
  const goal = { target, sources: usualSources }
  expect(kubeadm.explain?.({ ...unit, log: many('kubelet-config') }, goal).code).toBe('KUBEADM_FAILED')
  expect(kubeadm.explain?.({ ...unit, log: 'a\n"kubelet-config" is forbidden: b' }, goal).code).toBe(
    'KUBEADM_FORBIDDEN',
  )
})

test('static pods that are not of kubeadm are there, and are not read', () => {
  const manifests = { '': '', 'kube-vip.yaml': base64('spec: {containers: [{image: "vip:1"}]}') }
  expect([...parseObservation(JSON.stringify({ ...always, manifests })).manifests]).toEqual([
    ['kube-vip', unknownManifest],
  ])
})
