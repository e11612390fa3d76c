import { decline, failure, type Values } from './entry.ts'

/** Errors in the objects of a machine, and changes that are not made in place. */
export const changes = {
  BACKEND_UNSUPPORTED: ({ kind }: Values<'kind'>) =>
    failure(
      `The infrastructure machine ${kind} is not a Docker machine.`,
      'Only DevMachine with the docker backend and DockerMachine are updated. Replace the machine.',
    ),
  BOOTSTRAP_UNSUPPORTED: ({ kind }: Values<'kind'>) =>
    failure(
      `The bootstrap configuration ${kind} is not a KubeadmConfig.`,
      'Only machines made by kubeadm are updated. Delete the Machine so that it is replaced.',
    ),
  PROVIDER_ID_MISSING: () =>
    failure(
      'The Machine has no spec.providerID.',
      'Wait until CAPD has provisioned the machine. The name of the container is never guessed.',
    ),
  PROVIDER_ID_FORM: () =>
    failure(
      'The providerID is not of the form docker:////<container name>.',
      'Only machines of the Docker provider can be updated.',
    ),
  VERSION_MISSING: () =>
    failure('The Machine has no spec.version.', 'Set the version in the control plane or MachineDeployment.'),
  VERSION_FORM: () =>
    failure(
      'The version is not a Kubernetes release such as v1.35.4.',
      'Use the name of a release, with a leading v and without build metadata.',
    ),
  VERSION_DOWN: ({ from, to }: Values<'from' | 'to'>) =>
    decline(
      `The version would go down from ${from} to ${to}.`,
      'Kubernetes is never downgraded in place. The machine is replaced.',
    ),
  VERSION_SKIPS_MINOR: ({ from, to }: Values<'from' | 'to'>) =>
    decline(
      `A control plane cannot go from ${from} to ${to} in one step.`,
      'kubeadm upgrades one minor version at a time. Go through each minor version to stay in place.',
    ),
  IN_PLACE_DISABLED: () =>
    decline(
      'Nothing is updated in place: the setting "disableInPlaceUpdates" is true.',
      'Remove it from spec.settings of the ExtensionConfig to update in place. The machine is replaced.',
    ),
  UPDATES_DISABLED: () =>
    failure(
      'The update was not started: the setting "disableInPlaceUpdates" is true.',
      'Remove it from spec.settings of the ExtensionConfig, or delete the Machine so that it is replaced.',
    ),
  CHANGE_NOT_COVERED: ({ path }: Values<'path'>) =>
    decline(
      `A change of ${path} is not made in place.`,
      'docs/reference/what-is-updated.md lists the changes that are. The machine is replaced.',
    ),
  OBJECT_NOT_COMPARED: ({ object, why }: Values<'object' | 'why'>) =>
    decline(
      `The ${object} is not compared: ${why}.`,
      'Make the object smaller or less nested. The machine is replaced.',
    ),
  FILE_NOT_COVERED: ({ path, why }: Values<'path' | 'why'>) =>
    decline(
      `${path} is not written in place: ${why}.`,
      'docs/reference/what-is-updated.md lists the files that are. The machine is replaced.',
    ),
  SETTING_NOT_COVERED: ({ path, why }: Values<'path' | 'why'>) =>
    decline(
      `A change of ${path} is not made in place: ${why}.`,
      'docs/reference/what-is-updated.md lists the changes that are. The machine is replaced.',
    ),
  MACHINE_FOREIGN: ({ kind }: Values<'kind'>) =>
    decline(
      `${kind} is not a Docker machine made by kubeadm: no opinion.`,
      'No action needed: another updater may handle it, otherwise the machine is replaced.',
    ),
  CONFIG_NOT_COVERED: ({ object, path, why }: Values<'object' | 'path' | 'why'>) =>
    decline(
      `The ${object}'s ${path} is not supported in place: ${why}.`,
      'docs/reference/what-is-updated.md lists what is supported. The machine is replaced.',
    ),
  CONFIG_UNSUPPORTED: ({ object, path, why }: Values<'object' | 'path' | 'why'>) =>
    failure(
      `The ${object}'s ${path} is not supported in place: ${why}.`,
      'Delete the Machine so that it is replaced, or correct the object. The machine is not changed.',
    ),
}
