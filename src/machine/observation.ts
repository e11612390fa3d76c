import type { Manifest, Process } from './pod-document.ts'

/** The parts of a machine that an observation can cover. It always covers the record and the CA. */
export type Section = 'host' | 'kubelet' | 'pods' | 'manifests' | 'units' | 'work' | 'space' | 'etcd' | 'processes'

/**
 * The result of reading one path of the cluster's API: the body, or the reason of the failure, one line of at most
 * 2,000 characters. `refused`: the server sent an error other than the listed ones. `not-sent`: the machine has no
 * usable kubeconfig, or machine and server do not trust each other's certificates.
 */
export type ApiAnswer =
  | { kind: 'ok'; body: string }
  | { kind: 'unreachable' | 'not-sent' | 'forbidden' | 'not-found' | 'refused'; reason: string }

/** Facts about a machine and its host. */
export interface Host {
  /** Paths of files that every machine made by kubeadm has, and that are missing here. */
  missing: readonly string[]
  /** The version of cgroups; undefined where it is not known. */
  cgroups: 1 | 2 | undefined
  /** Whether the kubelet's configuration has failCgroupV1: false; undefined where not all files of it are known. */
  allowsCgroupV1: boolean | undefined
  /** The version of the running containerd, such as v2.3.4; empty while it does not respond. */
  containerd: string
}

/** The kubelet, observed from its process and not from its files. */
export interface Kubelet {
  /** 0 when it is not running. The version is empty and the age 0 then. */
  pid: number
  /** systemd's invocation id of the current run; empty where there is none. */
  invocationId: string
  /** How often systemd has restarted it automatically. */
  restarts: number
  /** The version of the running process, such as v1.35.4. */
  version: string
  /** The age of the process. */
  ageSeconds: number
  /** True when /healthz returns ok. */
  healthy: boolean
  /** The last line of its log, without the klog prefix, at most 300 characters; empty where there is none. */
  lastLine: string
}

/** A running container of a pod. */
export interface RunningContainer {
  id: string
  /** The image's name in containerd, which may have several names for it. */
  image: string
  /** The age of its process. */
  ageSeconds: number
}

/** A transient unit of this service, as systemd reports it. */
export interface Unit {
  /** Without the suffix .service. */
  name: string
  state: 'running' | 'succeeded' | 'failed'
  /** Identifies one run of the unit. */
  invocationId: string
  exitCode: number
  /** systemd's result: success, exit-code, signal, timeout, oom-kill, … */
  result: string
}

/** The observed state of a machine, from one exec. It is plain data, and steps decide by it alone. */
export interface Observation {
  /** Identifies the boot of the kernel. */
  bootId: string
  /** Seconds since that boot. Changes of the clock do not move it. */
  uptime: number
  /** The machine's clock, in seconds since 1970. It is only compared with times of the same machine. */
  now: number
  /** The attempt record as text; empty where there is none. */
  record: string
  /** The SHA-256 of the record in hex; empty where there is none. */
  recordDigest: string
  /** The cluster's CA certificates, PEM; empty where there are none. */
  ca: string
  host: Host
  kubelet: Kubelet
  /** The running containers, and the digests of images by name; undefined while containerd does not respond. */
  pods: { containers: RunningContainer[]; digests: ReadonlyMap<string, string> } | undefined
  /** By static pod name, such as kube-apiserver. */
  manifests: ReadonlyMap<string, Manifest>
  /** The processes of kubeadm's static pods, by pod name. */
  processes: ReadonlyMap<string, readonly Process[]>
  /** True when this machine has data of etcd, even without a manifest of etcd. */
  hasEtcdData: boolean
  units: readonly Unit[]
  /** The last lines that failed units logged. */
  unitLog: string
  work: Work
  /** Free MiB by path, and the size of etcd's data in MiB. */
  space: { free: ReadonlyMap<string, number>; etcdDataMiB: number }
  /** Whether the etcd member of this machine reports that it is healthy; undefined where it has no etcd. */
  etcdHealthy: boolean | undefined
  /** Results by path of the cluster's API. */
  api: ReadonlyMap<string, ApiAnswer>
}

/** The content of the attempt's work directory. */
export interface Work {
  /** The key of the attempt that owns the directory; empty where there is no directory. */
  key: string
  /** The names of the files and directories in it. */
  entries: ReadonlySet<string>
  /** The images that kubeadm lists for the target; undefined before the list exists. */
  neededImages: readonly string[] | undefined
  /** Why the helper container failed to copy the programs; undefined where it has not failed. */
  binariesFailed: string | undefined
  /** Why the helper container failed to export the images; undefined where it has not failed. */
  imagesFailed: string | undefined
  /** Why the static pods of this machine cannot be exchanged together; undefined where no reason is known. */
  exchangeRefused: string | undefined
  /** The static pods that kubeadm replaced once more after they were exchanged together; empty for none. */
  movedByKubeadm: string
  /** Digests of the KubeadmConfig's files that were written, by path. */
  appliedFiles: ReadonlyMap<string, string>
}
