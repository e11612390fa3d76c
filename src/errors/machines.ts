import { failure, progress, type Values } from './entry.ts'

/** Errors of the Docker engine and the containers. */
export const machines = {
  ENGINE_UNREACHABLE: () =>
    progress(
      'The Docker engine does not respond.',
      'Check the engine, and the socket or DOCKER_HOST that the service uses.',
    ),
  CONTAINER_MISSING: ({ name }: Values<'name'>) =>
    failure(`The container ${name} does not exist.`, 'Delete the Machine so that it is replaced.'),
  CONTAINER_STOPPED: ({ name }: Values<'name'>) =>
    progress(
      `The container ${name} is not running.`,
      `Start it with "docker start ${name}", or delete the Machine so that it is replaced.`,
    ),
  CONTAINER_PAUSED: ({ name }: Values<'name'>) =>
    progress(`The container ${name} is paused.`, `Run "docker unpause ${name}".`),
  CONTAINER_NAME: ({ name, actual }: Values<'name' | 'actual'>) =>
    failure(
      `The container ${name} is named ${actual}.`,
      "Put the container's own name into spec.providerID of the Machine. An id or another alias is not accepted.",
    ),
  CONTAINER_OF_OTHER_CLUSTER: ({ name, cluster }: Values<'name' | 'cluster'>) =>
    failure(
      `The container ${name} does not belong to the cluster ${cluster}.`,
      'Check spec.providerID of the Machine. The container was not touched.',
    ),
  CONTAINER_ROLE: ({ name, role }: Values<'name' | 'role'>) =>
    failure(
      `The container ${name} is not a ${role}, which is the role of the Machine.`,
      'Check spec.providerID of the Machine. The container was not touched.',
    ),
  CONTAINER_HOSTNAME: ({ name }: Values<'name'>) =>
    failure(
      `The host name of container ${name} differs from its name.`,
      'CAPD and kind set the host name to the name of the container. Something else created this container.',
    ),
  CONTAINER_CA: ({ name }: Values<'name'>) =>
    failure(
      `The container ${name} has another cluster CA than the Machine.`,
      "Check spec.providerID of the Machine: two clusters share the name on this engine. Start and sync need caCertHashes where a request named the cluster's CA before.",
    ),
  RECORD_NEWER: () =>
    failure(
      'A newer version of this service has written the record of an upgrade in this machine.',
      'Update this service. The machine was not touched.',
    ),
  EXEC_FAILED: ({ command }: Values<'command'>) =>
    progress(
      `A command in the machine failed: ${command}.`,
      "The service's log has its output. If it continues, inspect the machine with docker exec.",
    ),
  EXEC_TIME_LIMIT: ({ command }: Values<'command'>) =>
    progress(
      `A command in the machine timed out: ${command}.`,
      'Check the load of the host, and inspect the machine with docker exec.',
    ),
  OBSERVATION_INCOMPLETE: () =>
    progress(
      'The observation of the machine is incomplete.',
      'If it continues, check the load and the disks of the machine with docker exec.',
    ),
  EXEC_KILLED: ({ command }: Values<'command'>) =>
    progress(
      `A command in the machine was killed: ${command}.`,
      "Check the memory of the host and of the container. The service's log has the command's output.",
    ),
  OUTPUT_TOO_LARGE: ({ command }: Values<'command'>) =>
    failure(
      `A command in the machine printed more than 4 MiB: ${command}.`,
      'Check the size of the files below /var/lib/capd-kubeadm-upgrader and /etc/kubernetes in the machine.',
    ),
  ENGINE_REFUSED: ({ status, cause }: Values<'status' | 'cause'>) =>
    progress(
      `The Docker engine refused a request with status ${status}: ${cause}`,
      'Read the log of the engine, such as "journalctl -u docker".',
    ),
  ENGINE_BUSY: () =>
    progress(
      'Too many commands wait for the Docker engine.',
      'No action needed: they are retried. If it continues, check the load on the host of the engine.',
    ),
  IMAGE_REFERENCE_INVALID: ({ image }: Values<'image'>) =>
    failure(`The image reference ${image} is not valid.`, 'Correct UPGRADER_NODE_IMAGE.'),
  NAME_TAKEN: ({ name }: Values<'name'>) =>
    failure(
      `The name ${name} is taken by a container that this service did not create.`,
      'Rename or remove that container. The service needs the name for a helper.',
    ),
}
