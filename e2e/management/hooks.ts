import { execa } from 'execa'
import { callService } from '../call.ts'
import type { Json } from '../cluster-api.ts'
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
    let url = ''
    for await (const line of forward.iterable()) {
      const port = /^Forwarding from 127\.0\.0\.1:(\d+)/.exec(line)?.[1]
      if (port === undefined) continue
      url = `https://localhost:${port}`
      break
    }
    if (url === '') throw new Error(`kubectl does not forward the port of service/${extension}`)
    return await work(async (hook, name, body) => {
      const path = `${group}/${hook.toLowerCase()}/${name}?timeout=10s`
      return JSON.parse((await callService({ url, ca }, 'POST', path, JSON.stringify(body))).body)
    })
  } finally {
    forward.kill()
    await forward
  }
}

// Posts a request to a hook's handler and gives the answer.
type Post = (hook: string, name: string, body: Json) => Promise<Json>
