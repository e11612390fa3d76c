import type { answerStart } from '../../src/api/start.ts'
import type { answerSync } from '../../src/api/sync.ts'
import type { StartRequest } from '../../src/contract/objects.ts'
import { heading, table } from './table.ts'

// The types require an entry for every field.
const requestFields: Record<keyof StartRequest, string> = {
  providerID: 'The machine, as `docker:////<container name>`.',
  clusterName: 'The cluster that the container must belong to.',
  version: 'The version to reach, such as `v1.35.4`.',
  role: 'Optional: `control-plane` or `worker`; refused if the container has the other role.',
  patchesDirectory:
    'Optional: the directory of kubeadm patches in the machine, which kubeadm was given at `kubeadm init` or `kubeadm join`. kubeadm does not remember it: without it an upgrade loses what the patches set.',
  caCertHashes:
    "Optional: hashes of the cluster CA's public key, as `kubeadm join` takes them (`sha256:<hex>`); the machine must trust one of them. A machine that was updated with hashes once refuses a request without. UpdateMachine takes them from a worker's KubeadmConfig.",
  settings: 'Optional: see docs/reference/configuration.md.',
}
const startFields: Record<keyof ReturnType<typeof answerStart>, string> = {
  machine: 'The name of the container.',
  version: 'The requested version.',
}
const syncFields: Record<keyof Awaited<ReturnType<typeof answerSync>>, string> = {
  ...startFields,
  phase: '`InProgress`, `Done` or `Failed`.',
  step: 'The name of the current step; empty before the first one and at the end.',
  message: 'What the upgrade does or waits for. It does not change while the state lasts.',
  retryAfterSeconds: 'When to call again; 0 when the upgrade has ended.',
  code: 'Only after a failure: its code, see docs/reference/errors.md.',
  todo: 'Only after a failure: what to do about it.',
}

/** The page about the endpoints start and sync. */
export function apiPage(): string {
  return `${heading('Start and sync', 'src/api and src/contract/objects.ts')}

Two endpoints for callers other than Cluster API, on the same HTTPS port as the hooks. They exist only when the service was started with
\`UPGRADER_TOKEN\`. Callers send the token as \`Authorization: Bearer <token>\`. Both endpoints take the same JSON object. The hook
UpdateMachine does the same: start, then sync.

${rows(requestFields)}

## POST /v1/start

Starts the upgrade and answers at once with HTTP status 202. It may be called at any time and any number of times.

${rows(startFields)}

## POST /v1/sync

Reports the progress of the upgrade. It never starts one: if this process does not know the upgrade, for example after a restart, the
answer is 404 (\`NOT_STARTED\`). Call start again, which finds the state by observing the machine.

${rows(syncFields)}

## Clusters without the KubeadmControlPlane controller

The service only reads the cluster's API; under Cluster API that controller writes what an upgrade needs. Without it:

- Write the target into \`kubernetesVersion\` of the ConfigMap \`kubeadm-config\` before the first machine. The upgrade waits for it.
- Set \`addons: kubeadm\`, so that the last control plane machine upgrades kube-proxy and CoreDNS.
- kubeadm v1.35.5, v1.36.1 and newer need the ClusterRoleBinding \`kubeadm:apiserver-kubelet-client\` for machines that are created at these
  versions. \`kubeadm init\` and \`kubeadm upgrade apply\` create it, \`kubeadm upgrade node\` does not. See kubernetes/kubernetes PR 138957; not run.

## Refusals

A refused request is answered with \`code\`, \`message\` and \`todo\`; see [errors](errors.md).
`
}

function rows(fields: Record<string, string>): string {
  return table(
    ['Field', 'Meaning'],
    Object.entries(fields).map(([name, meaning]) => [`\`${name}\``, meaning]),
  )
}
