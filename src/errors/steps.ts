import { failure, progress, type Values } from './entry.ts'

/** Errors of the steps of an upgrade. */
export const steps = {
  MACHINE_NEWER: ({ running, target }: Values<'running' | 'target'>) =>
    failure(
      `The machine already runs ${running}, newer than ${target}.`,
      'Kubernetes is never downgraded in place. Delete the Machine so that it is replaced.',
    ),
  MACHINE_TOO_OLD: ({ running, target }: Values<'running' | 'target'>) =>
    failure(
      `The machine runs ${running}, more than one minor version behind ${target}.`,
      'Upgrade through each minor version: kubeadm cannot skip one.',
    ),
  MACHINE_NOT_KUBEADM: ({ path }: Values<'path'>) =>
    failure(
      `The machine was not made by kubeadm: it has no ${path}.`,
      'Only machines made by kubeadm are updated. Delete the Machine so that it is replaced. Nothing was changed.',
    ),
  HOST_CGROUP_V1: ({ target }: Values<'target'>) =>
    failure(
      `The host has cgroup v1, on which the kubelet ${target} does not start.`,
      "Move to a host with cgroup v2, or set failCgroupV1: false in the kubelet's configuration: in /var/lib/kubelet/config.yaml and in kubeadm's patches or the ConfigMap kubelet-config, from which kubeadm writes that file. Nothing was changed.",
    ),
  CONTAINERD_TOO_OLD: ({ running, target }: Values<'running' | 'target'>) =>
    failure(
      `The machine runs containerd ${running}, and Kubernetes ${target} needs containerd 2.`,
      'Delete the Machine so that it is replaced by one of a newer node image. Nothing was changed.',
    ),
  SPACE_SHORT: ({ path, need }: Values<'path' | 'need'>) =>
    progress(
      `There is too little free space in ${path}: ${need} MiB are needed.`,
      "Free space in the machine or on the engine's disk.",
    ),
  UNIT_AT_WORK: () =>
    progress(
      'A unit of an earlier attempt is still running in the machine.',
      'No action needed: the upgrade continues when it ends.',
    ),
  DISK_FULL: () =>
    progress(
      'A disk in the machine is full.',
      "Free space in the machine or on the engine's disk. No file is incomplete.",
    ),
  RUNNING_VERSION: ({ running }: Values<'running'>) =>
    failure(
      `The machine runs ${running}, which is not the version of a Kubernetes release.`,
      'Only releases such as v1.35.4 are updated in place. Delete the Machine so that it is replaced.',
    ),
  CONTAINERD_AWAY: () =>
    progress('containerd in the machine does not respond.', 'Read "journalctl -u containerd" in the machine.'),
  FILE_REFUSED: ({ path, why }: Values<'path' | 'why'>) =>
    failure(
      `The file ${path} cannot be written: ${why}.`,
      'Correct spec.files of the KubeadmConfig, or what is at that path in the machine. The machine keeps running.',
    ),
  MANIFEST_MISSING: ({ name }: Values<'name'>) =>
    failure(
      `The static pod manifest of ${name} is missing, and kubeadm has no backup of it.`,
      'Delete the Machine so that it is replaced.',
    ),
  MANIFESTS_INCOMPLETE: () =>
    progress('Static pod manifests are missing.', "No action needed: kubeadm's newest backup is restored."),
  DOWNLOAD_NOT_FOUND: ({ what }: Values<'what'>) =>
    failure(`The download server has no ${what}.`, 'Check the version and UPGRADER_BINARIES_URL.'),
  DOWNLOAD_BROKEN: ({ what }: Values<'what'>) =>
    progress(
      `The download of ${what} was cut off or did not start.`,
      'Check that the machine reaches UPGRADER_BINARIES_URL.',
    ),
  DOWNLOAD_STALLED: ({ what }: Values<'what'>) =>
    progress(`The download of ${what} stalled.`, 'Check the network between the machine and UPGRADER_BINARIES_URL.'),
  CHECKSUM_WRONG: ({ what }: Values<'what'>) =>
    progress(
      `The download of ${what} does not have the checksum that the server publishes.`,
      'Check the server or mirror at UPGRADER_BINARIES_URL. Nothing was installed.',
    ),
  BINARY_UNUSABLE: ({ what }: Values<'what'>) =>
    failure(
      `The downloaded ${what} does not run in the machine or is of another version.`,
      'Check the server or mirror at UPGRADER_BINARIES_URL. Nothing was installed.',
    ),
  IMAGE_BINARY_UNUSABLE: ({ what, image }: Values<'what' | 'image'>) =>
    failure(
      `The ${what} of the image ${image} does not run in the machine or is of another version.`,
      'Set UPGRADER_NODE_IMAGE to a node image of the target, or UPGRADER_BINARIES=download. Nothing was installed.',
    ),
  BINARIES_NOT_COPIED: () =>
    progress(
      'kubeadm, kubelet and kubectl could not be copied from the node image.',
      'The log has the reason. Check the engine.',
    ),
  IMAGE_SOURCE_MISSING: ({ image }: Values<'image'>) =>
    failure(
      `The engine has no image ${image} to take Kubernetes from.`,
      `Run "docker pull ${image}", or set UPGRADER_NODE_IMAGE_PULL=allow, or UPGRADER_IMAGES=pull and UPGRADER_BINARIES=download. Nothing was changed.`,
    ),
  IMAGE_PULL_NOT_FOUND: ({ image, cause }: Values<'image' | 'cause'>) =>
    failure(
      `The registry has no image ${image} for this engine: ${cause}`,
      'Check UPGRADER_NODE_IMAGE and the version, or load the image into the engine. Nothing was changed.',
    ),
  IMAGE_PULL_DENIED: ({ image, cause }: Values<'image' | 'cause'>) =>
    failure(
      `The registry denies access to the image ${image}: ${cause}`,
      `Check the name. The service pulls without credentials: if the registry requires them, run "docker pull ${image}" on the host of the engine. Nothing was changed.`,
    ),
  IMAGE_PULL_NO_SPACE: ({ image, cause }: Values<'image' | 'cause'>) =>
    failure(
      `The engine has no space for the image ${image}: ${cause}`,
      'Free space on the disk of the engine, such as with "docker image prune". Nothing was changed.',
    ),
  IMAGE_PULL_FAILED: ({ image, cause }: Values<'image' | 'cause'>) =>
    progress(
      `The engine could not pull the image ${image}: ${cause}`,
      'Check that the engine reaches the registry. The pull is retried. Nothing was changed.',
    ),
  IMAGE_PULL_STALLED: ({ image }: Values<'image'>) =>
    progress(
      `The pull of the image ${image} stalled: the engine reported nothing for 5 min.`,
      'Check the network between the engine and the registry, and the disk of the engine. The pull is retried. Nothing was changed.',
    ),
  IMAGE_SOURCE_LACKS: ({ image, missing }: Values<'image' | 'missing'>) =>
    failure(
      `The image ${image} does not hold ${missing}.`,
      'Set UPGRADER_NODE_IMAGE to an image that holds it, or UPGRADER_IMAGES=pull and UPGRADER_BINARIES=download.',
    ),
  KUBELET_FLAGS_REFUSED: ({ cause }: Values<'cause'>) =>
    failure(
      `The new kubelet does not accept the flags of the running one: ${cause}`,
      'Remove the flag where it is set in the machine, such as /etc/default/kubelet, a drop-in of the unit or kubeadm-flags.env, and from kubeletExtraArgs. Nothing was changed.',
    ),
  VAR_VOLUME_MISSING: ({ name }: Values<'name'>) =>
    failure(
      `The container ${name} has no volume at /var, which CAPD and kind give their machines.`,
      'Set UPGRADER_IMAGES=pull and UPGRADER_BINARIES=download.',
    ),
  IMAGES_NOT_LOADED: () =>
    progress(
      'The Kubernetes images could not be loaded into the machine.',
      'The log has the reason. Check the registry or the engine.',
    ),
  KUBEADM_FORBIDDEN: () =>
    progress(
      "kubeadm is not allowed to read the cluster's configuration yet.",
      "No action needed: the API server's node authorizer needs a moment after an upgrade.",
    ),
  KUBEADM_FAILED: ({ cause, unit }: Values<'cause' | 'unit'>) =>
    failure(
      `kubeadm upgrade node failed: ${cause}`,
      `Read "journalctl -u ${unit}" in the machine. kubeadm restored what it had changed.`,
    ),
  KUBEADM_CONFIG_REFUSED: ({ cause }: Values<'cause'>) =>
    failure(
      `kubeadm does not accept the cluster's configuration: ${cause}`,
      'Correct spec.kubeadmConfigSpec of the control plane, or the ConfigMap kubeadm-config in kube-system.',
    ),
  KUBEADM_CONFIG_CHANGED: ({ target }: Values<'target'>) =>
    failure(
      `The ConfigMap kubeadm-config no longer has the version ${target}.`,
      'No action needed if the cluster is being upgraded to another version. Otherwise correct kubeadm-config in kube-system. kubeadm was not started.',
    ),
  PATCHES_MISSING: () =>
    failure(
      "The directory of kubeadm's patches that the KubeadmConfig names is missing in the machine.",
      'Restore the directory, or delete the Machine so that it is replaced. kubeadm was not started.',
    ),
  ETCD_MEMBER_UNWELL: () =>
    progress(
      'The etcd member of the machine is not healthy.',
      'Read the log of etcd in the machine. Nothing was exchanged.',
    ),
  EXCHANGE_UNDONE: ({ component, cause }: Values<'component' | 'cause'>) =>
    failure(
      `The new ${component} did not become healthy, so the previous version was restored. The new ${component} logged: ${cause}`,
      "Fix the cause, such as an argument in the cluster's configuration. The same request is tried again after an hour, and another one at once.",
    ),
  EXCHANGE_UNDONE_UNWELL: ({ component, cause }: Values<'component' | 'cause'>) =>
    failure(
      `The new ${component} did not become healthy. The previous version was restored but is not healthy either. The new ${component} logged: ${cause}`,
      'Read the log of the component in the machine, or delete the Machine so that it is replaced.',
    ),
  EXCHANGE_NOT_ENDED: ({ target }: Values<'target'>) =>
    failure(
      `The exchange of the static pods for those of ${target} was interrupted, and the previous version was restored.`,
      'Read "journalctl -u capd-kubeadm-upgrader-exchange" in the machine. The upgrade is retried when Cluster API calls again.',
    ),
  LOAD_BALANCER_AWAY: () =>
    progress(
      'The load balancer does not respond, so the machine is still drained there.',
      "Check the cluster's load balancer. The machine itself is upgraded.",
    ),
  KUBELET_NOT_UP: ({ target, cause }: Values<'target' | 'cause'>) =>
    failure(
      `The kubelet ${target} did not start, so the previous version was restored. The kubelet ${target} logged: ${cause}`,
      'Read "journalctl -u kubelet" in the machine.',
    ),
  UNIT_FAILED: ({ unit }: Values<'unit'>) =>
    progress(`The unit ${unit} failed in the machine.`, `Read "journalctl -u ${unit}" in the machine.`),
  STEP_TIME_LIMIT: ({ step, minutes, waitsFor }: Values<'step' | 'minutes' | 'waitsFor'>) =>
    failure(
      `The step "${step}" did not finish within ${minutes} min, waiting for ${waitsFor}.`,
      'Resolve what it waits for. The upgrade is retried when Cluster API calls again.',
    ),
}
