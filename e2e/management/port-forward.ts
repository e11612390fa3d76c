import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { execa } from 'execa'
import { callService } from '../player/call.ts'
import type { Json } from '../player/cluster-api.ts'
import { certificate, extension, type Site, system } from './site.ts'

const group = '/hooks.runtime.cluster.x-k8s.io/v1alpha1'

// Calls the extension as somebody who has got at its port would: through a port that kubectl forwards.
export async function withPort<T>({ management, kube }: Site, work: (post: Post) => Promise<T>): Promise<T> {
  const { kubectl, kubeconfig } = management
  const secret = await kube.get<{ data: Record<string, string> }>('secret', certificate, `-n=${system}`)
  const ca = Buffer.from(secret.data['ca.crt'] ?? '', 'base64').toString()
  const forward = execa(
    kubectl,
    [`--kubeconfig=${kubeconfig}`, 'port-forward', `-n=${system}`, `service/${extension}`, ':443'],
    {
      reject: false,
      stdin: 'ignore',
    },
  )
  try {
    const url = await urlOf(forward.stdout, forward)
    return await work(async (hook, name, body) => {
      const path = `${group}/${hook.toLowerCase()}/${name}?timeout=10s`
      return JSON.parse((await callService({ url, ca }, 'POST', path, JSON.stringify(body))).body)
    })
  } finally {
    forward.kill()
    await forward
  }
}

// kubectl chooses a free port and says so. What it says later has to be read, too, or it would stand still.
function urlOf(said: Readable, forward: PromiseLike<unknown>): Promise<string> {
  return new Promise((resolve, reject) => {
    createInterface(said).on('line', (line) => {
      const port = /^Forwarding from 127\.0\.0\.1:(\d+)/.exec(line)?.[1]
      if (port !== undefined) resolve(`https://localhost:${port}`)
    })
    forward.then(() => reject(new Error(`kubectl does not forward the port of service/${extension}`)))
  })
}

// Posts a request to a hook's handler and gives the answer.
type Post = (hook: string, name: string, body: Json) => Promise<Json>
