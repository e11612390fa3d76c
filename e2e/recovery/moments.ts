// Moments inside of a step, which goes past them in a fraction of a second. hold.ts waits for them in the machine itself.

const state = '/var/lib/capd-kubeadm-upgrader'
const staged = '/etc/kubernetes/tmp/capd-kubeadm-upgrader'

/** How a moment shows in the machine. */
export interface Sign {
  /**
   * `made`: the file is there. `ended`: the kubelet has ended, and this process. `moved`: the unit has
   * just renamed this file. `started`: a kubelet runs that is not the one with which the unit began.
   */
  kind: 'made' | 'ended' | 'moved' | 'started'
  /** A file, or the name of a process. */
  what: string
}

const moments: Record<string, Record<string, Sign>> = {
  prepare: {
    // It is written between the two runs of kubeadm.
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
    // The last one: the next thing is the kubelet's start.
    'kubeadm-renamed': { kind: 'moved', what: '/usr/bin/.kubeadm.new' },
    'kubelet-started': { kind: 'started', what: 'kubelet' },
  },
}

/** The moments of a step, in their order. */
export function momentsOf(step: string): string[] {
  return Object.keys(moments[step] ?? {})
}

/** How a moment of a step shows; undefined where the step has no such moment. */
export function signOf(step: string, moment: string): Sign | undefined {
  return moments[step]?.[moment]
}
