import { readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { catalogue, type ErrorCode } from '../../src/errors/catalogue.ts'
import { rememberedError } from '../../src/errors/upgrade-error.ts'

// The words of every error, as a person reads them. No other test asserts a sentence of the catalogue, so a change of words
// changes this file and docs/reference/errors.md, with UPDATE_GOLDEN=1 and `node scripts/docs.ts`.
const file = new URL('messages.gen.txt', import.meta.url)

const samples = {
  actual: 'w1-md-0-x7k2p',
  allowed: 'all, version, files',
  cause: '[ERROR CreateJob]: timed out waiting for the condition',
  cluster: 'w1',
  command: 'observe.sh',
  component: 'kube-apiserver',
  from: 'v1.35.4',
  image: 'kindest/node:v1.35.4',
  key: 'changes',
  kind: 'DevMachine',
  machine: 'w1-md-0-x7k2p',
  minutes: '10',
  missing: 'registry.k8s.io/kube-proxy:v1.35.4',
  name: 'w1-md-0-x7k2p',
  need: '900',
  object: 'KubeadmConfig',
  path: '/etc/lab-file',
  role: 'worker',
  running: 'v1.34.4',
  status: '500',
  step: 'kubelet',
  target: 'v1.35.4',
  to: 'v1.37.2',
  unit: 'capd-kubeadm-upgrader-kubeadm',
  version: 'v1.35.4',
  waitsFor: 'the Node to be Ready',
  what: 'kubelet',
  why: 'its place is closed',
}

function rendered(code: ErrorCode): string {
  const { message, todo, answer, values } = rememberedError(code, samples)
  for (const [name, value] of Object.entries(values)) expect({ name, value }).not.toMatchObject({ value: 'unknown' })
  return `${answer}: ${message}\n  ${todo}\n`
}

test('every error reads as it does in the golden', () => {
  const text = (Object.keys(catalogue) as ErrorCode[]).map(rendered).join('\n')
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(file, text)
  expect(text).toBe(readFileSync(file, 'utf8'))
})
