import { mkdirSync } from 'node:fs'
import { addKubectl, kubeconfig } from './kubectl.ts'
import { createRoot, type Root } from './rooted.ts'

export const work = '/var/lib/work'

// The kubelet's metrics of nine pods, so many of which it has looked at, and the status of the answer.
export function kubeletSays(looks: number): string {
  const lines = ['kubelet_desired_pods{static=""} 5', 'kubelet_desired_pods{static="true"} 4']
  const count = (type: string, value: number) =>
    `kubelet_pod_worker_duration_seconds_count{operation_type="${type}"} ${value}`
  const metrics = [...lines, count('create', looks - 3), count('update', 3), '200']
  return `cat <<'METRICS'\n${metrics.join('\n')}\nMETRICS`
}

// A machine with a staged kubeadm that does this, and with all manifests.
export function machine(kubeadm = ''): Root {
  const root = createRoot()
  root.program(`${work}/bin/kubeadm`, kubeadm)
  root.program('/stand-ins/systemctl')
  root.program('/stand-ins/sleep')
  root.program('/stand-ins/curl', kubeletSays(9))
  for (const name of ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler']) {
    root.write(`/etc/kubernetes/manifests/${name}.yaml`, '')
  }
  mkdirSync(root.path('/etc/kubernetes/tmp'), { recursive: true })
  addKubectl(root, `${work}/bin/kubectl`)
  root.write('/etc/kubernetes/kubelet.conf', kubeconfig('here'))
  return root
}
