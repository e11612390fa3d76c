// Moments within a step that last a fraction of a second. hold.ts waits for them in the machine.

const state = '/var/lib/capd-kubeadm-upgrader'
const staged = '/etc/kubernetes/tmp/capd-kubeadm-upgrader'

/** How a moment is recognized in the machine. */
export interface Sign {
  /**
   * `made`: the file exists. `ended`: the kubelet and this process have ended. `moved`: the unit has just renamed this file.
   * `started`: another kubelet runs than at the start of the unit.
   */
  kind: 'made' | 'ended' | 'moved' | 'started'
  /** A file, or the name of a process. */
  what: string
}

const moments: Record<string, Record<string, Sign>> = {
  prepare: {
    // Written between the two runs of kubeadm.
    'certificates-renewed': { kind: 'made', what: `${state}/work/upgrade.yaml` },
  },
  exchange: {
    // Only where there are several members, and a load balancer with the page of Cluster API's Docker provider.
    drained: { kind: 'made', what: `${state}/drained` },
    'kubelet-stopped': { kind: 'ended', what: 'kubelet' },
    'scheduler-ended': { kind: 'ended', what: 'kube-scheduler' },
    'controller-manager-ended': { kind: 'ended', what: 'kube-controller-manager' },
    'api-server-ended': { kind: 'ended', what: 'kube-apiserver' },
    'etcd-ended': { kind: 'ended', what: 'etcd' },
    'etcd-renamed': { kind: 'moved', what: `${staged}/etcd.yaml` },
    'api-server-renamed': { kind: 'moved', what: `${staged}/kube-apiserver.yaml` },
    'controller-manager-renamed': { kind: 'moved', what: `${staged}/kube-controller-manager.yaml` },
    'scheduler-renamed': { kind: 'moved', what: `${staged}/kube-scheduler.yaml` },
    'kubelet-renamed': { kind: 'moved', what: '/usr/bin/.kubelet.new' },
    'kubectl-renamed': { kind: 'moved', what: '/usr/bin/.kubectl.new' },
    // The last rename before the kubelet starts.
    'kubeadm-renamed': { kind: 'moved', what: '/usr/bin/.kubeadm.new' },
    'kubelet-started': { kind: 'started', what: 'kubelet' },
  },
}

/** The names of a step's moments, in order. */
export function momentsOf(step: string): string[] {
  return Object.keys(moments[step] ?? {})
}

/** The sign of a step's moment; undefined when the step has no such moment. */
export function signOf(step: string, moment: string): Sign | undefined {
  return moments[step]?.[moment]
}
