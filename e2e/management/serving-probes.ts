import { X509Certificate } from 'node:crypto'
import { get } from 'node:http'
import { request } from 'node:https'
import { execa } from 'execa'
import { parse } from 'yaml'
import { type Answers, probed } from '../../scripts/docs/performance/results.ts'
import { gapsOf } from '../witness/gaps.ts'
import type { Kube } from './kube.ts'
import { type CapiMachine, containerOf, roleOf } from './machines.ts'
import type { Shape } from './workload.ts'

const port = 8080
const nodePort = 30080
// Seconds from one probe to the next.
const readSeconds = 0.2
const writeSeconds = 0.5

interface Access {
  server: string
  ca: string
  cert: string
  key: string
}

/** Creates an HTTP server on each worker, with a host port, and a NodePort Service for them, and waits until it is rolled out. */
export async function putServingPods(workload: Kube, image: string): Promise<void> {
  const labels = { app: 'serving' }
  const container = { name: 'serving', image, args: ['netexec'], ports: [{ containerPort: port, hostPort: port }] }
  await workload.apply([
    {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name: 'serving', namespace: 'default' },
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            terminationGracePeriodSeconds: 1,
            containers: [
              {
                ...container,
                imagePullPolicy: 'IfNotPresent',
                readinessProbe: { tcpSocket: { port }, periodSeconds: 1 },
              },
            ],
          },
        },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'serving', namespace: 'default' },
      spec: { type: 'NodePort', selector: labels, ports: [{ port, nodePort }] },
    },
  ])
  await workload.run(['rollout', 'status', 'daemonset/serving', '--timeout=110s'])
}

/**
 * Probes a cluster from the host until the returned function is called: the API through the load balancer and on each control
 * plane machine, the pod of each worker on its machine's address, and the Service on the control plane machines, the next one
 * when one does not respond. Also writes an object through the load balancer. The addresses are those of the machines at the
 * start, by name; a machine that replaces another one may get its address. Times are seconds of `elapsed`.
 */
export async function measureServing(
  kube: Kube,
  { namespace, name }: Shape,
  machines: CapiMachine[],
  elapsed: () => number,
) {
  const access = await accessTo(kube, namespace, name)
  const addresses = await Promise.all(machines.map((machine) => addressOf(containerOf(machine))))
  const nodes = machines.map((machine, i) => ({ role: roleOf(machine), at: addresses[i] ?? '' }))
  const controlPlane = nodes.filter(({ role }) => role === 'control-plane')
  const workers = nodes.filter(({ role }) => role === 'worker')
  const stopping = new AbortController()
  const all: [what: string, everySeconds: number, probe: () => Promise<boolean>][] = [
    [probed.balancer, readSeconds, () => probeApi(access, '/readyz')],
    ...controlPlane.map(({ at }, i): (typeof all)[number] => {
      const own = { ...access, server: `https://${at}:6443` }
      return [`${probed.member} ${i + 1}`, readSeconds, () => probeApi(own, '/readyz')]
    }),
    [probed.write, writeSeconds, () => probeApi(access, written, true)],
    ...workers.map(({ at }, i): (typeof all)[number] => [
      `${probed.pod} ${i + 1}`,
      readSeconds,
      () => probePod(`http://${at}:${port}`),
    ]),
    [probed.service, readSeconds, () => probeAny(controlPlane.map(({ at }) => `http://${at}:${nodePort}`))],
  ]
  const probes = all.map(([what, everySeconds, probe]) =>
    gapsOf({ what, everySeconds, probe }, stopping.signal, elapsed),
  )
  return async (): Promise<Answers[]> => {
    stopping.abort()
    return Promise.all(probes)
  }
}

const written = '/api/v1/namespaces/default/configmaps/written?fieldManager=e2e&force=true'

// Reads a path, or writes the time, on a new connection.
function probeApi({ server, ...credentials }: Access, path: string, isWrite = false): Promise<boolean> {
  const data = { at: new Date().toISOString() }
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'written' }, data }
  const how = isWrite ? { method: 'PATCH', headers: { 'content-type': 'application/apply-patch+yaml' } } : {}
  return responds(
    request(new URL(path, server), { ...how, ...credentials, ...newConnection }),
    isWrite ? JSON.stringify(object) : '',
  )
}

function probePod(url: string): Promise<boolean> {
  return responds(get(url, newConnection), '')
}

async function probeAny(urls: string[]): Promise<boolean> {
  for (const url of urls) if (await probePod(url)) return true
  return false
}

const newConnection = { agent: false, timeout: 1000 } as const

function responds(call: ReturnType<typeof request>, body: string): Promise<boolean> {
  return new Promise((resolve) => {
    call.on('response', (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode === 200 || response.statusCode === 201))
      response.on('error', () => resolve(false))
    })
    call.on('timeout', () => call.destroy())
    call.on('error', () => resolve(false))
    call.on('close', () => resolve(false))
    call.end(body)
  })
}

// From the admin kubeconfig that Cluster API keeps in a Secret.
async function accessTo(kube: Kube, namespace: string, cluster: string): Promise<Access> {
  const secret = await kube.get<{ data: { value: string } }>('secret', `${cluster}-kubeconfig`, `-n=${namespace}`)
  const config = parse(text(secret.data.value))
  const { server, 'certificate-authority-data': ca } = config.clusters[0].cluster
  const { 'client-certificate-data': cert, 'client-key-data': key } = config.users[0].user
  // Throws when it is no certificate.
  new X509Certificate(text(cert))
  return { server, ca: text(ca), cert: text(cert), key: text(key) }
}

function text(base64: string): string {
  return Buffer.from(base64, 'base64').toString()
}

async function addressOf(container: string): Promise<string> {
  const format = '--format={{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}'
  return (await execa('docker', ['inspect', format, container])).stdout
}
