import { X509Certificate } from 'node:crypto'
import { request } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { parse } from 'yaml'
import type { Kube } from './kube.ts'
import { containerOf, machinesOf } from './machines.ts'
import type { Shape } from './workload.ts'

// What was not answered, of one thing that is asked all the time.
export interface Gaps {
  what: string
  asked: number
  // How many times it stopped answering, for how long in all and at most, in seconds from the first question without an
  // answer to the next one with.
  gaps: number
  seconds: number
  longest: number
}

export function describeGaps({ asked, gaps, seconds, longest }: Gaps): string {
  if (gaps === 0) return `no gap in ${asked} questions`
  return `${gaps} gaps, ${seconds.toFixed(1)} s in all, the longest ${longest.toFixed(1)} s; ${asked} questions`
}

interface Access {
  server: string
  ca: string
  cert: string
  key: string
}

// Asks the cluster's API from the host, through its load balancer and at each control plane machine that is there at the
// beginning, and writes an object through the load balancer, until told to stop.
export async function measureServing(kube: Kube, { namespace, name }: Shape): Promise<() => Promise<Gaps[]>> {
  const access = await accessTo(kube, namespace, name)
  const machines = (await machinesOf(kube, namespace, name, 'control-plane')).map(containerOf)
  const addresses = await Promise.all(machines.map(addressOf))
  const stop = new AbortController()
  const write = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'written' } })
  const probes = [
    probe('API, load balancer', 0.2, stop.signal, () => ask(access, '/readyz')),
    ...machines.map((machine, i) => {
      const member = { ...access, server: `https://${addresses[i]}:6443` }
      return probe(`API, ${machine}`, 0.2, stop.signal, () => ask(member, '/readyz'))
    }),
    probe('a write to etcd', 1, stop.signal, () =>
      ask(access, '/api/v1/namespaces/default/configmaps/written?fieldManager=e2e&force=true', write),
    ),
  ]
  return async () => {
    stop.abort()
    return Promise.all(probes)
  }
}

async function probe(what: string, everySeconds: number, signal: AbortSignal, ask: () => Promise<boolean>) {
  const found: Gaps = { what, asked: 0, gaps: 0, seconds: 0, longest: 0 }
  let since: number | undefined
  const close = (until: number) => {
    if (since === undefined) return
    const seconds = (until - since) / 1000
    found.gaps++
    found.seconds += seconds
    found.longest = Math.max(found.longest, seconds)
    since = undefined
  }
  while (!signal.aborted) {
    const begun = performance.now()
    found.asked++
    if (await ask()) close(performance.now())
    else since ??= begun
    await sleep(Math.max(0, everySeconds * 1000 - (performance.now() - begun)), undefined, { signal }).catch(() => {})
  }
  close(performance.now())
  return found
}

// One question on a connection of its own; a write where there is a body (server-side apply, with the time in it).
function ask({ server, ca, cert, key }: Access, path: string, body?: string): Promise<boolean> {
  return new Promise((resolve) => {
    const call = request(new URL(path, server), {
      method: body === undefined ? 'GET' : 'PATCH',
      headers: body === undefined ? {} : { 'content-type': 'application/apply-patch+yaml' },
      ca,
      cert,
      key,
      agent: false,
      // The members' own addresses are in their certificates, and so is the load balancer's.
      timeout: 1000,
    })
    call.on('response', (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode === 200 || response.statusCode === 201))
      response.on('error', () => resolve(false))
    })
    call.on('timeout', () => call.destroy())
    call.on('error', () => resolve(false))
    call.on('close', () => resolve(false))
    call.end(body && JSON.stringify({ ...JSON.parse(body), data: { at: new Date().toISOString() } }))
  })
}

// An administrator's access, from the kubeconfig that Cluster API keeps.
async function accessTo(kube: Kube, namespace: string, cluster: string): Promise<Access> {
  const secret = await kube.get<{ data: { value: string } }>('secret', `${cluster}-kubeconfig`, `-n=${namespace}`)
  const config = parse(text(secret.data.value))
  const { server, 'certificate-authority-data': ca } = config.clusters[0].cluster
  const { 'client-certificate-data': cert, 'client-key-data': key } = config.users[0].user
  // Fails here, with words, when one of them is none.
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
