import { expect, test } from 'vitest'
import { addKubectl, kubeconfig } from './kubectl.ts'
import { createRoot } from './rooted.ts'

const work = '/var/lib/upgrader/work'

test.skipIf(process.platform !== 'linux')(
  'kubeadm.sh sends the kubelet to the port of the API servers, which is not that of the load balancer',
  async () => {
    const root = createRoot()
    root.program(`${work}/bin/kubeadm`, `cp /etc/kubernetes/kubelet.conf ${work}/seen`)
    for (const program of ['systemctl', 'sleep']) root.program(`/stand-ins/${program}`)
    root.program('/stand-ins/curl', 'echo kubelet_desired_pods 1; echo kubelet_pod_worker_duration_seconds_count 1')
    for (const name of ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler']) {
      root.write(`/etc/kubernetes/manifests/${name}.yaml`, '')
    }
    root.write('/etc/kubernetes/tmp/a', '')
    addKubectl(root, `${work}/bin/kubectl`)
    root.write('/etc/kubernetes/kubelet.conf', kubeconfig('here'))
    root.write('/etc/kubernetes/controller-manager.conf', kubeconfig('here').replace('6443', '7443'))
    expect((await root.run('steps/kubeadm.sh', work, 'control-plane', 'cp-2', '-', '{}', 'v1.35.4')).exitCode).toBe(0)
    expect(root.read(`${work}/seen`)).toContain('server: https://cp-2:7443\n')
    expect(root.read('/etc/kubernetes/kubelet.conf')).toBe(kubeconfig('here'))
  },
)
