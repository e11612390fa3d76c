import { expect, test } from 'vitest'
import { manifestOf, manifests, prepareMachine, staged, work } from './exchanged-machine.ts'
import { createRoot, type Root } from './rooted.ts'

interface Probe {
  host: string
  port: string
  named?: string
}

// As kubeadm renders it: since v1.34 its ports have names.
function probed({ host, port, named }: Probe): string {
  const ports = named === undefined ? '' : `    ports:\n    - containerPort: ${named}\n      name: probe-port\n`
  const get = `        host: ${host}\n        path: /healthz\n        port: ${port}\n        scheme: HTTPS\n`
  return `    livenessProbe:\n      httpGet:\n${get}      periodSeconds: 10\n    name: kube-controller-manager\n${ports}`
}

function machine(probe: Probe): Root {
  const root = createRoot()
  prepareMachine(root)
  root.write(`${staged}/kube-controller-manager.yaml`, manifestOf('kube-controller-manager', 'v1.35.4', probed(probe)))
  return root
}

// curl, where nothing listens at an address that has this in it.
function silentAt(root: Root, address: string): void {
  root.program('/stand-ins/curl', `case "$*" in *${address}*) exit 7 ;; *csv) exit 7 ;; esac; echo '{"health":"true"}'`)
}

const exchange = (root: Root) => root.run('steps/exchange.sh', 'forward', work, 'cp-1', 'leave', '1', '0')

test.skipIf(process.platform !== 'linux').each<[Probe, string]>([
  [{ host: '127.0.0.1', port: '10257' }, 'https://127.0.0.1:10257/healthz'],
  [{ host: '127.0.0.1', port: 'probe-port', named: '10257' }, 'https://127.0.0.1:10257/healthz'],
  [{ host: '"::1"', port: '10257' }, 'https://[::1]:10257/healthz'],
])('a process that runs and does not answer where its probe asks gives way: %j', async (probe, url) => {
  const root = machine(probe)
  silentAt(root, '/healthz')
  const { exitCode, stdout } = await exchange(root)
  expect(exitCode).toBe(49)
  expect(stdout).toContain('component kube-controller-manager: ')
  expect(root.read(`${manifests}/kube-controller-manager.yaml`)).toContain('v1.34.4')
  expect(root.calls().filter((call) => call.startsWith('curl ') && call.endsWith(url))).not.toEqual([])
})

test.skipIf(process.platform !== 'linux')('a probe without an address of its own is left to the kubelet', async () => {
  const root = machine({ host: '', port: '10257' })
  silentAt(root, '/healthz')
  expect((await exchange(root)).exitCode).toBe(0)
})
