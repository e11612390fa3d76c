import { execa } from 'execa'
import { kindNetwork, nodeImage } from '../../scripts/lab/host/names.ts'
import { inMachine, shellIn } from '../witness/exec.ts'
import { until } from './until.ts'

// CAPD's and kind's labels (CAPI v1.14.2 test/infrastructure/docker/internal/docker/util.go).
const clusterLabel = 'io.x-k8s.kind.cluster'
const roleLabel = 'io.x-k8s.kind.role'

/** A machine in a container that no Cluster API knows. */
export interface LostMachine {
  name: string
  version: string
  /** The cluster that its labels name; without it the container has no labels of Cluster API. */
  cluster?: string
}

/**
 * Makes a control plane machine with its own CA, in the state that a lost management cluster leaves behind: the
 * container, its etcd and its API server run.
 */
export async function makeControlPlane(machine: LostMachine): Promise<void> {
  await runContainer(machine)
  await inMachine(machine.name, ['sh', '-c', init], configuration(machine.version), 300)
}

/** Makes a machine that has nothing but certificates, and stops it. */
export async function makeStopped(machine: LostMachine): Promise<void> {
  await runContainer(machine)
  await inMachine(machine.name, ['kubeadm', 'init', 'phase', 'certs', 'all'])
  await execa('docker', ['stop', '--time=1', machine.name])
}

/** Removes containers by name, with what is on their volumes; those that are not there are no error. */
export async function removeMachines(names: readonly string[]): Promise<void> {
  await execa('docker', ['rm', '--force', '--volumes', ...names], { reject: false })
}

// As CAPD runs it (test/infrastructure/container/docker.go), with the name of a machine that may be there from before.
async function runContainer({ name, version, cluster }: LostMachine): Promise<void> {
  await removeMachines([name])
  const labels =
    cluster === undefined ? [] : [`--label=${clusterLabel}=${cluster}`, `--label=${roleLabel}=control-plane`]
  const security = ['seccomp=unconfined', 'apparmor=unconfined', 'label=disable'].map((one) => `--security-opt=${one}`)
  const places = ['--tmpfs=/tmp', '--tmpfs=/run', '--volume=/var', '--volume=/lib/modules:/lib/modules:ro']
  await execa('docker', [
    ...['run', '--detach', '--tty', '--privileged', '--cgroupns=private', `--network=${kindNetwork}`],
    ...[`--name=${name}`, `--hostname=${name}`, ...labels, ...security, ...places, nodeImage(version)],
  ])
  await until(`containerd answers in ${name}`, 60, () => shellIn(name, 'ctr version >/dev/null && echo yes'))
}

// The addons and the token are for nodes that join, and none does.
const init =
  'cat >/kind/lost.yaml && kubeadm init --config=/kind/lost.yaml --ignore-preflight-errors=all --skip-phases=addon,bootstrap-token,show-join-command'

// The kubelet's flags are CAPD's.
function configuration(version: string): string {
  const flags = { 'cgroup-root': '/kubelet', 'fail-swap-on': 'false' }
  const kubeletExtraArgs = Object.entries(flags).map(([flag, value]) => ({ name: flag, value }))
  return [
    { apiVersion: 'kubeadm.k8s.io/v1beta4', kind: 'InitConfiguration', nodeRegistration: { kubeletExtraArgs } },
    { apiVersion: 'kubeadm.k8s.io/v1beta4', kind: 'ClusterConfiguration', kubernetesVersion: version },
  ]
    .map((document) => JSON.stringify(document))
    .join('\n---\n')
}

/** What shows that a container was left alone: how the engine has it, and the processes of Kubernetes in it. */
export async function stateOf(name: string): Promise<Record<string, string>> {
  const format = '{{.Id}} {{.State.Status}} {{.State.StartedAt}} {{.State.FinishedAt}} {{.RestartCount}}'
  const { stdout: container } = await execa('docker', ['inspect', `--format=${format}`, name])
  if (!container.includes(' running ')) return { container }
  const processes = 'for name in kubelet etcd kube-apiserver; do echo "$name $(pgrep -x "$name" | xargs)"; done'
  return {
    container,
    processes: await shellIn(name, processes),
    kubeconfig: await shellIn(name, 'sha256sum </etc/kubernetes/kubelet.conf'),
    updater: await shellIn(name, 'ls -d /var/lib/capd-kubeadm-upgrader 2>/dev/null || true'),
  }
}
