import type { ErrorCode } from '../errors/catalogue.ts'

/** A kind of cluster or machine, and how in-place updates handle it. */
export interface Shape {
  name: string
  /**
   * - `kept`: updated in place, with everything it has.
   * - `declined`: replaced by a rollout.
   * - `no opinion`: left to another updater, or replaced.
   * - `refused`: accepted, because requests do not show it, and refused later, before anything in the machine changes.
   */
  outcome: 'kept' | 'declined' | 'no opinion' | 'refused'
  /** The error that declines or refuses it. */
  code?: ErrorCode
  /** Where it is honored or detected, and further notes. */
  how: string
}

/** Shapes that are not visible in a single field. docs/reference/what-is-updated.md has them as a table. */
export const shapes: readonly Shape[] = [
  {
    name: "etcd on the control plane machines (kubeadm's own way)",
    outcome: 'kept',
    how: 'kubeadm upgrades it, and every member has to be healthy before the next machine is changed (step manifests).',
  },
  {
    name: 'External etcd',
    outcome: 'declined',
    code: 'CONFIG_NOT_COVERED',
    how: 'On control plane machines. Workers do not depend on it and are updated in place.',
  },
  {
    name: 'Bootstrap providers other than kubeadm (k0smotron, Talos, MicroK8s, CK8s, RKE2)',
    outcome: 'no opinion',
    code: 'MACHINE_FOREIGN',
    how: 'The kind of the bootstrap object shows them.',
  },
  {
    name: 'Machines that are not containers, and machines of other infrastructure providers',
    outcome: 'no opinion',
    code: 'MACHINE_FOREIGN',
    how: 'The kind of the infrastructure machine, or its backend, shows them.',
  },
  {
    name: "Bootstrap data of one's own (`bootstrap.dataSecretName` without a KubeadmConfig)",
    outcome: 'kept',
    how: 'The configuration is not known, so only the version changes. Machines that kubeadm did not make are refused, see the next line.',
  },
  {
    name: 'A machine that kubeadm did not make, behind such data',
    outcome: 'refused',
    code: 'MACHINE_NOT_KUBEADM',
    how: "It lacks the kubelet's kubeconfig or configuration as kubeadm writes them (step preflight).",
  },
  {
    name: 'Hosted control planes (Kamaji, k0smotron with kubeadm workers)',
    outcome: 'kept',
    how: 'A worker of a control plane without machines waits for the API server under its own address to be at the version (step api-servers). The control plane itself is not updated by this service.',
  },
  {
    name: 'Containers of an older cluster of the same name on the engine, running or not',
    outcome: 'kept',
    how: 'They have another CA and are left out (members.ts). A stopped one without a CA counts as a machine of the cluster.',
  },
  {
    name: 'Hosts with cgroup v1',
    outcome: 'refused',
    code: 'HOST_CGROUP_V1',
    how: "From v1.35, unless the kubelet's configuration has failCgroupV1: false (step preflight).",
  },
  {
    name: 'containerd 1.x',
    outcome: 'refused',
    code: 'CONTAINERD_TOO_OLD',
    how: 'From v1.38 (step preflight). Kept for older versions.',
  },
  {
    name: "Flags of the kubelet outside of kubeadm's file (/etc/default/kubelet, drop-ins of the unit)",
    outcome: 'kept',
    how: 'They stay where they are. The new kubelet checks all flags of the running one before anything changes (step binaries).',
  },
  {
    name: 'Flags that the new kubelet does not support, wherever they are set',
    outcome: 'refused',
    code: 'KUBELET_FLAGS_REFUSED',
    how: 'Except `pod-infra-container-image` in kubeadm-flags.env, which is removed (step binaries).',
  },
  {
    name: 'Proxies',
    outcome: 'kept',
    how: "The machine's own addresses are requested without a proxy (observe.sh). kubeadm runs with the proxy variables of the container, as when the machine was made, and renders them again (change.sh).",
  },
  {
    name: "Directories of one's own (`certificatesDir`, etcd's `dataDir`)",
    outcome: 'kept',
    how: 'kubeadm renders them from kubeadm-config, and the service reads them from the machine (observe.sh). No file is written into them.',
  },
  {
    name: 'IPv6 and dual stack',
    outcome: 'kept',
    how: "Addresses are read from the machine: the API server's from controller-manager.conf, etcd's from its manifest. Not tested so far.",
  },
  {
    name: "Ports of one's own",
    outcome: 'kept',
    how: "The API server's is read from controller-manager.conf. A flag that moves the kubelet's health is declined, see kubeletExtraArgs.",
  },
  {
    name: 'Image registries and pinned image tags',
    outcome: 'kept',
    how: 'The new kubeadm lists the images by the configuration of the cluster (step image-list). With UPGRADER_IMAGES=node-image the node image has to hold them under these names, else IMAGE_SOURCE_LACKS.',
  },
  {
    name: "Static pods of one's own, such as kube-vip",
    outcome: 'kept',
    how: "Only kubeadm's four are compared and replaced (static-pods.ts). A kubelet of another minor version gives each static pod another UID, and so starts it again, once; within a minor version they run on.",
  },
  {
    name: "Patches of kubeadm's",
    outcome: 'kept',
    how: 'The directory is passed to kubeadm again (step kubeadm) and has to exist.',
  },
  {
    name: 'Files that a command has filled in',
    outcome: 'kept',
    how: 'They are never written (commands.ts); a change of them is declined.',
  },
]
