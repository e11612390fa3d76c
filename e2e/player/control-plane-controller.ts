import { inMachine, kubectl, kubectlJson } from '../witness/exec.ts'

// The part of the KubeadmControlPlane controller in an upgrade, on a cluster that has none.
// Source: CAPI v1.14.2 controlplane/kubeadm/pkg/workload_cluster.go.

// Before the first machine is updated: kubeadm-config names the target (UpdateClusterConfiguration).
export async function nameVersion(controlPlane: string, version: string): Promise<void> {
  await changeClusterConfiguration(controlPlane, (text) =>
    text.replace(/^kubernetesVersion: .*$/m, `kubernetesVersion: ${version}`),
  )
}

/** Changes the ClusterConfiguration in kubeadm-config, by its YAML. */
export async function changeClusterConfiguration(
  controlPlane: string,
  change: (text: string) => string,
): Promise<void> {
  const name = ['configmap', 'kubeadm-config', '-n=kube-system']
  const { data } = await kubectlJson<{ data: { ClusterConfiguration: string } }>(controlPlane, 'get', ...name)
  const patch = JSON.stringify({ data: { ClusterConfiguration: change(data.ClusterConfiguration) } })
  const args = ['patch', ...name, '--type=merge', '--patch-file=/dev/stdin']
  await inMachine(controlPlane, ['kubectl', '--kubeconfig=/etc/kubernetes/admin.conf', ...args], patch)
}

// After the last control plane machine: kube-proxy's DaemonSet is moved (UpdateKubeProxyImageInfo). CoreDNS keeps
// its version, because no dns.imageTag is set (UpdateCoreDNS).
export async function moveKubeProxy(controlPlane: string, version: string): Promise<void> {
  const image = `kube-proxy=registry.k8s.io/kube-proxy:${version}`
  await kubectl(controlPlane, 'set', 'image', 'daemonset/kube-proxy', image, '-n=kube-system')
}
