import { failure, progress, type Values } from './entry.ts'

/** Errors of requests, settings and the service itself. */
export const requests = {
  REQUEST_NOT_JSON: () => failure('The request body is not JSON.', 'Send one complete JSON object.'),
  REQUEST_TOO_LARGE: () =>
    failure(
      'The request body is larger than 10 MiB.',
      'Make the objects smaller. Six objects of the size that etcd stores fit.',
    ),
  REQUESTS_TOO_MANY: () =>
    progress('Too many large requests are under way.', 'No action needed: Cluster API repeats the call.'),
  REQUEST_INVALID: ({ what }: Values<'what'>) =>
    failure(
      `The request does not have the required form: ${what}.`,
      'Check the field against the types of hooks.runtime.cluster.x-k8s.io/v1alpha1, or docs/reference/api.md for start and sync.',
    ),
  HOOK_UNKNOWN: ({ path }: Values<'path'>) =>
    failure(
      `There is nothing at ${path}.`,
      'Discovery lists the hooks that are served. Start and sync are POST /v1/start and POST /v1/sync.',
    ),
  TOKEN_WRONG: () =>
    failure('The bearer token is missing or wrong.', 'Send "Authorization: Bearer" with the value of UPGRADER_TOKEN.'),
  CLIENT_CERTIFICATE: () =>
    failure(
      'The client certificate is missing or not accepted.',
      "Start Cluster API's managers with a certificate of the CA in UPGRADER_CLIENT_CA_FILE; docs/how-to/management-cluster.md has the flags.",
    ),
  CERTIFICATE_EXPIRED: () =>
    failure(
      'The serving certificate has expired.',
      'Replace it, in a cluster with "npm run certificates". The new one is in use a few seconds later.',
    ),
  OTHER_UPGRADE: ({ machine, version }: Values<'machine' | 'version'>) =>
    progress(
      `Another upgrade of ${machine}, to ${version}, is still running.`,
      'No action needed: this one starts when it ends.',
    ),
  NOT_STARTED: ({ machine, version }: Values<'machine' | 'version'>) =>
    failure(
      `This process knows no upgrade of ${machine} to ${version}.`,
      'Call start. It may be called at any time and any number of times.',
    ),
  SETTING_UNKNOWN: ({ key }: Values<'key'>) =>
    failure(
      `The setting "${key}" does not exist.`,
      'Remove it from spec.settings of the ExtensionConfig; docs/reference/configuration.md lists the settings.',
    ),
  SETTING_VALUE: ({ key, allowed }: Values<'key' | 'allowed'>) =>
    failure(`The setting "${key}" must be one of: ${allowed}.`, 'Correct spec.settings of the ExtensionConfig.'),
  FAULTS_NOT_ALLOWED: ({ key }: Values<'key'>) =>
    failure(
      `The setting "${key}" requests fault injection, which this service does not allow.`,
      'Start the service with UPGRADER_FAULTS=allow, on a test cluster only.',
    ),
  MISBEHAVIOUR: ({ name }: Values<'name'>) =>
    failure(
      `misbehaviour ${name}: this failure was requested.`,
      'Nothing is broken. docs/reference/misbehaviours.md describes how it is requested and how to stop it.',
    ),
  TOO_MANY_UPGRADES: () =>
    progress('Too many machines are being updated at the same time.', 'No action needed: this one starts later.'),
}
