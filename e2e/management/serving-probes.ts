import { X509Certificate } from 'node:crypto'
import { get } from 'node:http'
import { request } from 'node:https'
import { execa } from 'execa'
import { parse } from 'yaml'
import { type Answers, probed } from '../../scripts/docs/performance/results.ts'
import { gapsOf } from '../witness/gaps.ts'
import type { Kube } from './kube.ts'
import { containerOf, type Machine, roleOf } from './machines.ts'
import type { Shape } from './workload.ts'

const port = 8080
const nodePort = 30080
// Seconds from one question to the next, and from one write.
const often = 0.2
const twice = 0.5

interface Access {
  server: string
  ca: string
  cert: string
  key: string
}

// A pod on each worker that answers at its machine's address, and a Service before them.
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

// Asks from the host, until told to stop: the cluster's API through its load balancer and at each control plane machine;
// the pod of each worker at its machine's address, and any of them through the Service at a control plane machine, the
// next one where one does not answer; and writes an object through the load balancer. Addresses are those of the machines
// that there are at the beginning, in the order of their names; a machine that replaces another may get its address.
// `elapsed` is the clock of the timeline.
export async function measureServing(
  kube: Kube,
  { namespace, name }: Shape,
  machines: Machine[],
  elapsed: () => number,
) {
  const access = await accessTo(kube, namespace, name)
  const addresses = await Promise.all(machines.map((machine) => addressOf(containerOf(machine))))
  const nodes = machines.map((machine, i) => ({ role: roleOf(machine), at: addresses[i] ?? '' }))
  const controlPlane = nodes.filter(({ role }) => role === 'control-plane')
  const workers = nodes.filter(({ role }) => role === 'worker')
  const stopping = new AbortController()
  const asks: [what: string, seconds: number, ask: () => Promise<boolean>][] = [
    [probed.balancer, often, () => askApi(access, '/readyz')],
    ...controlPlane.map(({ at }, i): (typeof asks)[number] => {
      const own = { ...access, server: `https://${at}:6443` }
      return [`${probed.member} ${i + 1}`, often, () => askApi(own, '/readyz')]
    }),
    [probed.write, twice, () => askApi(access, written, true)],
    ...workers.map(({ at }, i): (typeof asks)[number] => [
      `${probed.pod} ${i + 1}`,
      often,
      () => askPod(`http://${at}:${port}`),
    ]),
    [probed.service, often, () => askAny(controlPlane.map(({ at }) => `http://${at}:${nodePort}`))],
  ]
  const probes = asks.map(([what, everySeconds, ask]) =>
    gapsOf({ what, everySeconds, signal: stopping.signal, elapsed }, ask),
  )
  return async (): Promise<Answers[]> => {
    stopping.abort()
    return Promise.all(probes)
  }
}

const written = '/api/v1/namespaces/default/configmaps/written?fieldManager=e2e&force=true'

// One question on a connection of its own; or one write, of the time.
function askApi({ server, ...credentials }: Access, path: string, isWrite = false): Promise<boolean> {
  const data = { at: new Date().toISOString() }
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'written' }, data }
  const how = isWrite ? { method: 'PATCH', headers: { 'content-type': 'application/apply-patch+yaml' } } : {}
  return answered(
    request(new URL(path, server), { ...how, ...credentials, ...alone }),
    isWrite ? JSON.stringify(object) : '',
  )
}

function askPod(url: string): Promise<boolean> {
  return answered(get(url, alone), '')
}

async function askAny(urls: string[]): Promise<boolean> {
  for (const url of urls) if (await askPod(url)) return true
  return false
}

const alone = { agent: false, timeout: 1000 } as const

function answered(call: ReturnType<typeof request>, body: string): Promise<boolean> {
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

// An administrator's access, from the kubeconfig that Cluster API keeps.
async function accessTo(kube: Kube, namespace: string, cluster: string): Promise<Access> {
  const secret = await kube.get<{ data: { value: string } }>('secret', `${cluster}-kubeconfig`, `-n=${namespace}`)
  const config = parse(text(secret.data.value))
  const { server, 'certificate-authority-data': ca } = config.clusters[0].cluster
  const { 'client-certificate-data': cert, 'client-key-data': key } = config.users[0].user
  // Fails here, with words, when it is none.
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
