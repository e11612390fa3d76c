import { expect, test } from 'vitest'
import { type Kept, lostIn, missingIn, owners } from '../../../e2e/management/kept.ts'
import type { CapiMachine } from '../../../e2e/management/machines.ts'
import { proxies } from '../../../e2e/management/proxies.ts'

const machine = { metadata: { name: 'm-1' }, spec: { providerID: 'docker:////cp-1' } } as CapiMachine
const proxy = `HTTPS_PROXY=${proxies.HTTPS_PROXY}\nNO_PROXY=172.18.0.0/16,${proxies.NO_PROXY},cp-1,.svc`

const whole: Kept = {
  "maxPods in the kubelet's file": '42',
  [owners.filledIn.path]: 'router_id cp-1',
  'proxies of containerd': proxy,
  'tasks of kube-vip': 'a 100 RUNNING\nb 101 RUNNING',
  'pod kube-vip': `${owners.pods['kube-vip']}, Ready`,
  "label of the API server's pod": 'kept',
}

test('a machine that has all that its owner put into it lacks nothing', () => {
  expect(missingIn(whole, machine)).toEqual([])
})

test.each([
  ["maxPods in the kubelet's file", '110'],
  [owners.filledIn.path, 'router_id __NAME__'],
  [owners.filledIn.path, 'router_id cp-2'],
  ['proxies of containerd', ''],
  ['proxies of containerd', proxy.replace(String(proxies.NO_PROXY), '')],
  ['tasks of kube-vip', 'a 100 RUNNING'],
  ['tasks of kube-vip', 'a 100 RUNNING\nb 101 STOPPED'],
  ['pod kube-vip', `${owners.pods['kube-vip']}, not Ready`],
  ['pod kube-vip', 'kube-vip:v2, Ready'],
  ["label of the API server's pod", 'undefined'],
  ['what no test is for', 'x'],
])('%s that is %j is missing', (what, value) => {
  expect(missingIn({ ...whole, [what]: value }, machine)).toHaveLength(1)
})

test('what has changed, what is gone and what has come is lost', () => {
  const { 'proxies of containerd': gone, ...rest } = whole
  const after = { ...rest, 'tasks of kube-vip': 'a 100 RUNNING\nc 205 RUNNING', 'tasks of other': '' }
  expect(gone).toBe(proxy)
  expect(lostIn(whole, after).map((line) => line.split(':')[0])).toEqual([
    'proxies of containerd',
    'tasks of kube-vip',
    'tasks of other',
  ])
  expect(lostIn(whole, { ...whole })).toEqual([])
})

test('a kubelet of another minor version starts static pods again, and nothing else may change', () => {
  const after = { ...whole, 'tasks of kube-vip': 'c 200 RUNNING\nd 201 RUNNING' }
  expect(lostIn(whole, after, { otherMinor: true })).toEqual([])
  expect(lostIn(whole, { ...after, 'pod kube-vip': 'kube-vip:v2, Ready' }, { otherMinor: true })).toHaveLength(1)
})
