import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { execa } from 'execa'
import { callService } from '../player/call.ts'
import type { Json } from '../player/cluster-api.ts'
import { certificate, extension, system } from './extension.ts'
import type { Site } from './site.ts'

const group = '/hooks.runtime.cluster.x-k8s.io/v1alpha1'

/** Forwards a local port to the extension and passes a function that calls its hooks, as any client with access could. */
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

// kubectl prints the free port that it has chosen. Its later output is read as well, or it would block.
function urlOf(output: Readable, forward: PromiseLike<unknown>): Promise<string> {
  return new Promise((resolve, reject) => {
    createInterface(output).on('line', (line) => {
      const port = /^Forwarding from 127\.0\.0\.1:(\d+)/.exec(line)?.[1]
      if (port !== undefined) resolve(`https://localhost:${port}`)
    })
    forward.then(() => reject(new Error(`kubectl port-forward of service/${extension} ended`)))
  })
}

// Posts a request to a handler of a hook and returns the response.
type Post = (hook: string, name: string, body: Json) => Promise<Json>
