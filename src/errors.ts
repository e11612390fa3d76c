// Which of three answers an error is: `decline`, only said by CanUpdate (CAPI then replaces the machine);
// `progress`, may pass by itself and is tried again until its step's limit; `failure`, needs a person.
export type Answer = 'decline' | 'progress' | 'failure'

interface Entry {
  answer: Answer
  message: string
  // What a person does about it.
  todo: string
}

// Makes a table entry of two lines: what is wrong, and what to do.
const answered =
  (answer: Answer) =>
  (text: TemplateStringsArray): Entry => {
    const [message = '', todo = ''] = (text[0] ?? '').trim().split(/\n\s*/)
    return { answer, message, todo }
  }
const decline = answered('decline')
const progress = answered('progress')
const failure = answered('failure')

// Every error this program can give: its answer, what it says, what to do. `{name}` is filled in where it is
// raised, with values that stay the same for the same state: CAPI copies messages into conditions, and a
// changing text floods its controllers. docs/errors.md is generated from this table and checked by a test.
export const errors = {
  REQUEST_NOT_JSON: failure`The request body is not JSON.
    Send one complete JSON object.`,
  REQUEST_TOO_LARGE: failure`The request body is larger than 10 MiB.
    Make the objects smaller: six objects of the size that etcd stores fit.`,
  REQUEST_INVALID: failure`The request does not have the form that is asked for: {what}.
    Check the field against the types of hooks.runtime.cluster.x-k8s.io/v1alpha1, or docs/api.md for start and sync.`,
  HOOK_UNKNOWN: failure`There is nothing at {path}.
    Discovery lists the hooks that are served; start and sync are POST /v1/start and POST /v1/sync.`,
  TOKEN_WRONG: failure`The bearer token is missing or wrong.
    Send "Authorization: Bearer" with the token that the service was started with.`,
  CERTIFICATE_EXPIRED: failure`The serving certificate has expired.
    Put a new one in its place, in a cluster with "npm run certificates"; it is in use a few seconds later.`,
  OTHER_UPGRADE: progress`Another upgrade of {machine}, to {version}, has not ended yet.
    Nothing: this one starts when that one has ended.`,
  NOT_STARTED: failure`No upgrade of {machine} to {version} is known to this process.
    Call start: it may be called at any time and any number of times.`,
  SETTING_UNKNOWN: failure`The setting "{key}" does not exist.
    Remove it from spec.settings of the ExtensionConfig; docs/configuration.md lists the settings.`,
  SETTING_VALUE: failure`The setting "{key}" must be one of: {allowed}.
    Correct spec.settings of the ExtensionConfig.`,
  FAULTS_NOT_ALLOWED: failure`The setting "{key}" asks for misbehaviour, which this service was not started for.
    Start the service with UPGRADER_FAULTS=allow, on a test cluster only.`,
  MISBEHAVIOUR: failure`misbehaviour {name}: this failure was asked for.
    Nothing is broken: docs/misbehaviours.md says who asks for it, and how to stop it.`,
  BACKEND_UNSUPPORTED: failure`The infrastructure machine {kind} is not a Docker machine.
    Only DevMachine with the docker backend and DockerMachine are updated; replace the machine.`,
  PROVIDER_ID_MISSING: failure`The Machine has no spec.providerID.
    Wait until CAPD has provisioned the machine; a container name is never guessed.`,
  PROVIDER_ID_FORM: failure`The providerID is not of the form docker:////<container name>.
    Only machines of the Docker provider can be updated.`,
  VERSION_MISSING: failure`The Machine has no spec.version.
    Set the version in the control plane or MachineDeployment.`,
  VERSION_FORM: failure`The version is not a Kubernetes release such as v1.35.4.
    Use the name of a release, with a leading v and without build metadata.`,
  VERSION_DOWN: decline`The version would go down from {from} to {to}.
    Kubernetes is never downgraded in place; the machine is replaced.`,
  VERSION_SKIPS_MINOR: decline`A control plane cannot go from {from} to {to} in one step.
    kubeadm upgrades one minor at a time; go through each minor to stay in place.`,
  CHANGE_NOT_COVERED: decline`{path} changes, which is not updated in place.
    docs/what-is-updated.md lists what is; the machine is replaced.`,
  FILE_NOT_COVERED: decline`{path} is not written in place: {why}.
    docs/what-is-updated.md lists what is; the machine is replaced.`,
  MACHINE_FOREIGN: decline`{kind} is not a Docker machine: no opinion.
    Nothing: another updater may take it, else the machine is replaced.`,
  ENGINE_UNREACHABLE: progress`The Docker engine does not answer.
    Check the engine and the socket or DOCKER_HOST that the service was given.`,
  CONTAINER_MISSING: failure`There is no container {name}.
    Delete the Machine so that it is replaced.`,
  CONTAINER_STOPPED: progress`The container {name} is not running.
    Start it with "docker start {name}", or delete the Machine so that it is replaced.`,
  CONTAINER_PAUSED: progress`The container {name} is paused.
    Run "docker unpause {name}".`,
  CONTAINER_OF_OTHER_CLUSTER: failure`The container {name} does not belong to the cluster {cluster}.
    Check spec.providerID of the Machine; nothing was done to the container.`,
  CONTAINER_ROLE: failure`The container {name} is not the {role} that the Machine says it is.
    Check spec.providerID of the Machine; nothing was done to the container.`,
  CONTAINER_HOSTNAME: failure`The host name in the container {name} is not its own name.
    CAPD names a container after its node; this one was not made by CAPD or kind.`,
  CONTAINER_CA: failure`The container {name} trusts another cluster CA than the Machine names.
    Two clusters share the name on this engine; check spec.providerID of the Machine.`,
  EXEC_FAILED: progress`A command in the machine failed: {command}.
    The service's log has its output; if it goes on, look at the machine with docker exec.`,
  EXEC_TIME_LIMIT: progress`A command in the machine did not end in time: {command}.
    Look at the load of the host and at the machine with docker exec.`,
  MACHINE_NEWER: failure`The machine already runs {running}, newer than {target}.
    Kubernetes is never downgraded in place; delete the Machine so that it is replaced.`,
  MACHINE_TOO_OLD: failure`The machine runs {running}, more than one minor before {target}.
    Go through each minor; kubeadm cannot skip one.`,
  SPACE_SHORT: progress`There is too little free space in {path}: {need} MiB are needed.
    Free space in the machine or on the engine's disk.`,
  FILE_REFUSED: failure`The file {path} cannot be written: {why}.
    Correct spec.files of the KubeadmConfig, or what stands in the machine; the machine is not harmed.`,
  MANIFEST_MISSING: failure`The static pod manifest of {name} is missing and kubeadm left no backup of it.
    Delete the Machine so that it is replaced.`,
  MANIFESTS_INCOMPLETE: progress`Static pod manifests are missing.
    Nothing: kubeadm's newest backup is put back.`,
  DOWNLOAD_NOT_FOUND: failure`The download server has no {what}.
    Check the version and UPGRADER_BINARIES_URL.`,
  DOWNLOAD_BROKEN: progress`The download of {what} was cut off or did not start.
    Check that the machine reaches UPGRADER_BINARIES_URL.`,
  DOWNLOAD_STALLED: progress`The download of {what} stalled.
    Check the network between the machine and UPGRADER_BINARIES_URL.`,
  CHECKSUM_WRONG: progress`The download of {what} does not have the checksum that the server publishes.
    Check the server or mirror at UPGRADER_BINARIES_URL; nothing was installed.`,
  BINARY_UNUSABLE: failure`The downloaded {what} does not run in the machine or is of another version.
    Check the server or mirror at UPGRADER_BINARIES_URL; nothing was installed.`,
  IMAGE_SOURCE_MISSING: failure`The engine has no image {image} to take the Kubernetes images from.
    Run "docker pull {image}", or set UPGRADER_IMAGES=pull.`,
  IMAGE_SOURCE_LACKS: failure`The image {image} does not hold {missing}.
    Set UPGRADER_IMAGES=pull, or UPGRADER_NODE_IMAGE to an image that holds it.`,
  VAR_VOLUME_MISSING: failure`The container {name} has no volume at /var, which CAPD and kind give their machines.
    Set UPGRADER_IMAGES=pull.`,
  IMAGES_NOT_LOADED: progress`The Kubernetes images could not be brought into the machine.
    The log has the reason; check the registry or the engine.`,
  KUBEADM_FORBIDDEN: progress`kubeadm may not read the cluster's configuration yet.
    Nothing: the API server's node authorizer needs a moment after an upgrade.`,
  KUBEADM_FAILED: failure`kubeadm upgrade node failed: {cause}
    Read "journalctl -u {unit}" in the machine. kubeadm put back what it had changed.`,
  KUBELET_NOT_UP: failure`The kubelet {target} did not come up; the one from before runs again.
    Read "journalctl -u kubelet" in the machine.`,
  UNIT_FAILED: progress`The unit {unit} failed in the machine.
    Read "journalctl -u {unit}" in the machine.`,
  STEP_TIME_LIMIT: failure`The step "{step}" did not finish within {minutes} min, waiting for {waitsFor}.
    Remove what it waits for; it is tried again when Cluster API asks again.`,
  REQUESTS_TOO_MANY: progress`Too many large requests are under way.
    No action needed: Cluster API repeats the call.`,
  CLIENT_CERTIFICATE: failure`The client certificate is missing, or it is not one that is accepted.
    Start Cluster API's managers with a certificate of the CA in UPGRADER_CLIENT_CA_FILE; docs/install.md has the flags.`,
  UNEXPECTED: failure`The updater met an error that it does not know.
    The log has it; please report it.`,
}

export type ErrorCode = keyof typeof errors

interface Options {
  cause?: unknown
  // For the log only: the last lines of what failed.
  detail?: string | undefined
}

// An error of the table above. `message` is the short text with its code.
export class UpgradeError extends Error {
  readonly code: ErrorCode
  readonly values: Record<string, string>
  readonly answer: Answer
  readonly todo: string
  readonly detail: string | undefined

  constructor(code: ErrorCode, values: Record<string, string> = {}, { cause, detail }: Options = {}) {
    const { answer, message, todo } = errors[code]
    super(`${fill(message, values)} (${code})`, { cause })
    this.name = 'UpgradeError'
    this.code = code
    this.values = values
    this.answer = answer
    this.todo = fill(todo, values)
    this.detail = detail
  }
}

// Any thrown value as a coded error; what is not ours becomes UNEXPECTED with the original as cause.
export function coded(thrown: unknown): UpgradeError {
  return thrown instanceof UpgradeError ? thrown : new UpgradeError('UNEXPECTED', {}, { cause: thrown })
}

function fill(text: string, values: Record<string, string>): string {
  return text.replace(/\{(\w+)\}/g, (_, key: string) => values[key] ?? `{${key}}`)
}
