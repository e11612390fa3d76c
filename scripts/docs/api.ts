import type { answerStart } from '../../src/api/start.ts'
import type { answerSync } from '../../src/api/sync.ts'
import type { StartRequest } from '../../src/contract/objects.ts'
import { heading, table } from './table.ts'

// The types require an entry for every field.
const requestFields: Record<keyof StartRequest, string> = {
  providerID: 'The machine, as `docker:////<container name>`.',
  clusterName: 'The cluster that the container must belong to.',
  version: 'The version to reach, such as `v1.35.4`.',
  role: 'Optional: `control-plane` or `worker`; refused where the container is another.',
  patchesDirectory:
    'Optional: the directory of kubeadm patches in the machine, which kubeadm was given at `kubeadm init` or `kubeadm join`. kubeadm does not remember it: without it an upgrade loses what the patches set.',
  caCertHashes:
    "Optional: hashes of the cluster CA's public key, as `kubeadm join` takes them (`sha256:<hex>`); the machine must trust one of them. A machine that was updated with hashes once refuses a request without. The hook takes them from a worker's KubeadmConfig.",
  settings: 'Optional: see docs/configuration.md.',
}
const startFields: Record<keyof ReturnType<typeof answerStart>, string> = {
  machine: 'The name of the container.',
  version: 'The version that was asked for.',
}
const syncFields: Record<keyof Awaited<ReturnType<typeof answerSync>>, string> = {
  ...startFields,
  phase: '`InProgress`, `Done` or `Failed`.',
  step: 'The name of the current step; empty before the first one and at the end.',
  message: 'What happens, in words that stay the same while it does.',
  retryAfterSeconds: 'When to ask again; 0 when there is nothing more to wait for.',
  code: 'Only after a failure: its code, see docs/errors.md.',
  todo: 'Only after a failure: what to do about it.',
}

/** The page about the endpoints start and sync. */
export function apiPage(): string {
  return `${heading('Start and sync', 'src/api and src/contract/objects.ts')}

Two endpoints for callers that are not Cluster API, on the same HTTPS port as the hooks. They are there only when the
service was started with \`UPGRADER_TOKEN\`, which callers send as \`Authorization: Bearer <token>\`. Both take the same
JSON object; the hook UpdateMachine is nothing but these two, one after the other.

${rows(requestFields)}

## POST /v1/start

Begins the upgrade and answers at once, with HTTP status 202. It may be called at any time and any number of times; while
an upgrade of the machine to another version is under way it answers 409.

${rows(startFields)}

## POST /v1/sync

Says how far the upgrade is. It does not begin one: where this process does not know it (after a restart, say) the answer
is 404, and start finds it again by looking at the machine.

${rows(syncFields)}

What is refused is answered with \`code\`, \`message\` and \`todo\`; see docs/errors.md.
`
}

function rows(fields: Record<string, string>): string {
  return table(
    ['Field', 'Meaning'],
    Object.entries(fields).map(([name, meaning]) => [`\`${name}\``, meaning]),
  )
}
