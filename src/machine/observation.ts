import type { Manifest, Process } from './pod-document.ts'

/** The parts of a machine that an observation can cover. The record and the CA are always part of it. */
export type Section = 'host' | 'kubelet' | 'pods' | 'manifests' | 'units' | 'work' | 'space' | 'etcd' | 'processes'

/**
 * What a read of the cluster's API gave: the body, or why there is none, for people and on one line of at most 2,000
 * characters. `refused`: the server has another error. `not-sent`: the machine has no usable kubeconfig, or one of the two
 * does not trust the other's certificate.
 */
export type ApiAnswer =
  | { kind: 'ok'; body: string }
  | { kind: 'unreachable' | 'not-sent' | 'forbidden' | 'not-found' | 'refused'; reason: string }

/** What a machine is and what it runs on. */
export interface Host {
  /** Paths of files that every machine of kubeadm's has, and this one has not. */
  missing: readonly string[]
  /** Undefined where it is not known. */
  cgroups: 1 | 2 | undefined
  /** Whether the kubelet's configuration has failCgroupV1: false; undefined where not all of it is known. */
  allowsCgroupV1: boolean | undefined
  /** The version of the containerd that runs, such as v2.3.4; empty while it does not answer. */
  containerd: string
}

/** The kubelet as its own process shows it. */
export interface Kubelet {
  /** 0 when it does not run; the other values are then empty. */
  pid: number
  /** systemd's name of its present run; empty where it has none. */
  invocationId: string
  /** How often systemd has restarted it by itself. */
  restarts: number
  /** The version of the running process, such as v1.35.4. */
  version: string
  /** Seconds for which the process has run. */
  ageSeconds: number
  /** True when /healthz answers ok. */
  healthy: boolean
  /** The last line of its log, without time and place in the source; empty where it has none. */
  lastLine: string
}

/** A running container of a pod. */
export interface RunningContainer {
  id: string
  /** As containerd names it: one of possibly many names. */
  image: string
  /** Seconds for which its process has run. */
  ageSeconds: number
}

/** A transient unit of this service, by systemd's own account. */
export interface Unit {
  /** Without the suffix .service. */
  name: string
  state: 'running' | 'succeeded' | 'failed'
  /** Of the present run; another run of the same name has another one. */
  invocationId: string
  exitCode: number
  /** systemd's word for how it ended: success, exit-code, signal, timeout, oom-kill, … */
  result: string
}

/** What a machine is like at one moment, from one exec. Pure data: steps decide by it alone. */
export interface Observation {
  /** Identifies the boot of the kernel; `uptime` counts from it, in seconds, and is not moved by changes of the clock. */
  bootId: string
  uptime: number
  /** The machine's own clock, in seconds since 1970; only compared with what the same machine wrote. */
  now: number
  /** The attempt record as it stands in the machine, and its SHA-256 in hex; both empty where there is none. */
  record: string
  recordDigest: string
  /** The cluster's CA certificate, PEM; empty where there is none. */
  ca: string
  host: Host
  kubelet: Kubelet
  /** Undefined while containerd does not answer. */
  pods: { containers: RunningContainer[]; digests: ReadonlyMap<string, string> } | undefined
  /** By static pod name, such as kube-apiserver. */
  manifests: ReadonlyMap<string, Manifest>
  /** Of kubeadm's own static pods, by their names. */
  processes: ReadonlyMap<string, readonly Process[]>
  /** True when etcd has data here, with or without a manifest. */
  hasEtcdData: boolean
  units: readonly Unit[]
  /** The last lines of the units that failed. */
  unitLog: string
  work: Work
  /** Free MiB by path, and the size of etcd's data. */
  space: { free: ReadonlyMap<string, number>; etcdDataMiB: number }
  /** Undefined where no etcd runs on this machine; else whether the member answers that it is healthy. */
  etcdHealthy: boolean | undefined
  /** By path. */
  api: ReadonlyMap<string, ApiAnswer>
}

/** What an attempt has brought into its work directory so far. */
export interface Work {
  /** The key of the attempt that the directory belongs to; empty where there is no directory. */
  key: string
  entries: ReadonlySet<string>
  /** Image names that kubeadm lists for the target; undefined until the list is there. */
  neededImages: readonly string[] | undefined
  /** Why the helper container could not copy the programs; undefined while nothing failed. */
  binariesFailed: string | undefined
  /** Why the helper container could not export the images; undefined while nothing failed. */
  imagesFailed: string | undefined
  /** Why the static pods of this machine are not exchanged together; undefined while nothing speaks against it. */
  exchangeRefused: string | undefined
  /** Names of the static pods that kubeadm has exchanged itself after they were exchanged together; empty for none. */
  movedByKubeadm: string
  /** Digests of the files of the KubeadmConfig that were written, by path. */
  appliedFiles: ReadonlyMap<string, string>
}
