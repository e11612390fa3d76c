import { expect, test } from 'vitest'
import type { Kube } from '../../../e2e/management/kube.ts'
import { proxies, withProxies } from '../../../e2e/management/proxies.ts'
import type { Management } from '../../../scripts/lab/verbs/management.ts'

const management = { kubectl: 'kubectl', kubeconfig: '/none' } as Management

// A provider with these variables, and what kubectl is run with.
function provider(env: { name: string; value?: string }[]) {
  const calls: string[] = []
  const kube = {
    get: async () => ({ spec: { template: { spec: { containers: [{ name: 'manager', env }] } } } }),
    list: async () => [{ metadata: { name: 'capd-1' } }],
    run: async (args: string[]) => {
      calls.push(args.filter((arg) => !/^(-n|--timeout)/.test(arg)).join(' '))
      return ''
    },
  } as unknown as Kube
  return { calls, kube }
}

const deployment = 'deployment/capd-controller-manager'
const set = `set env ${deployment} ${Object.entries(proxies)
  .map(([name, value]) => `${name}=${value}`)
  .join(' ')}`
const waited = [`rollout status ${deployment}`, 'create --dry-run=server -f -']

test.each([
  ['that it did not have', [], 'HTTP_PROXY- HTTPS_PROXY- NO_PROXY-'],
  ['that it had', [{ name: 'HTTP_PROXY', value: 'http://a:1' }], 'HTTP_PROXY=http://a:1 HTTPS_PROXY- NO_PROXY-'],
  [
    'that a run left that was killed',
    [{ name: 'HTTP_PROXY', value: String(proxies.HTTP_PROXY) }],
    'HTTP_PROXY- HTTPS_PROXY- NO_PROXY-',
  ],
])('the provider gets proxies for a while, and back those %s', async (_, env, back) => {
  const { calls, kube } = provider(env)
  await withProxies(management, kube, async () => calls.push('work'))
  expect(calls).toEqual([set, ...waited, 'work', `set env ${deployment} ${back}`, ...waited])
})

test('it gets them back when the work fails, and nothing is left to do at the end of the process', async () => {
  const { calls, kube } = provider([])
  const before = process.listenerCount('exit')
  const work = () => {
    expect(process.listenerCount('exit')).toBe(before + 1)
    return Promise.reject(new Error('no cluster'))
  }
  await expect(withProxies(management, kube, work)).rejects.toThrow('no cluster')
  expect(calls.slice(-3)).toEqual([`set env ${deployment} HTTP_PROXY- HTTPS_PROXY- NO_PROXY-`, ...waited])
  expect(process.listenerCount('exit')).toBe(before)
})
