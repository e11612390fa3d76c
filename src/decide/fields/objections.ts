import { isPlainPath } from '../../kubernetes/file-places.ts'
import { valueAt } from '../../kubernetes/json.ts'
import { renderedFileIn } from '../../kubernetes/rendered-files.ts'
import type { Objection } from './field.ts'

/** Declines external etcd: its members are on machines that this service does not know. */
export const anExternalEtcd: Objection = {
  values: 'any',
  find: () => 'an external etcd is not looked at before a control plane machine is updated',
}

/** Declines a path that is not clean: it is passed to kubeadm as an argument. */
export const uncleanDirectory: Objection = {
  values: 'a path that is not absolute, clean and in plain characters',
  find: (directory) =>
    directory === '' || isPlainPath(directory) ? undefined : 'it is not an absolute, clean path in plain characters',
}

/** Declines a second directory: kubeadm takes one. */
export const aSecondDirectory: Objection = {
  values: `${uncleanDirectory.values}; on a control plane machine, another one than that of initConfiguration`,
  find(directory, holder) {
    const unclean = uncleanDirectory.find(directory, holder)
    if (unclean !== undefined || directory === '' || holder.role === 'worker') return unclean
    const first = valueAt(holder.spec, ['initConfiguration', 'patches', 'directory']) ?? ''
    return first === '' || first === directory ? undefined : 'initConfiguration names another directory'
  },
}

// The sockets of kind's containerd. CAPD sets one of them where the field is empty.
// Source: CAPI v1.14.2 test/infrastructure/docker/internal/provisioning/cloudinit/writefiles.go (fixNodeRegistration).
const containerdSocket = /^(unix:\/\/)?(\/var)?\/run\/containerd\/containerd\.sock$/

/** Declines other container runtimes: images are loaded into containerd at its default socket. */
export const anotherRuntime: Objection = {
  values: "any but containerd's, at its usual socket",
  find: (socket) =>
    socket === '' || containerdSocket.test(String(socket)) ? undefined : "it is not containerd's usual socket",
}

// Phases that create nothing, or nothing that `kubeadm upgrade node` creates.
// Source: kubeadm v1.35.4 cmd/kubeadm/app/cmd/phases/{init,join}.
const freePhases =
  /^(preflight|addon|addon\/.+|mark-control-plane|control-plane-join\/mark-control-plane|bootstrap-token|upload-certs|show-join-command|wait-control-plane|kubelet-wait-bootstrap|kubelet-finalize|kubelet-finalize\/.+|check-etcd|control-plane-prepare\/download-certs)$/

/** Declines other skipped phases: `kubeadm upgrade node` does not know them, and would create what they left out. */
export const strictPhases: Objection = {
  values: 'phases that make certificates, kubeconfigs, static pods, kubelet or kubeadm-config',
  find(phases) {
    const isFree = Array.isArray(phases) && phases.every((phase) => freePhases.test(String(phase)))
    return isFree ? undefined : 'kubeadm upgrade node would make what a skipped phase has not made'
  },
}

// Flags that move something that the service observes, and their values that change nothing.
const fixedFlags: Readonly<Record<string, RegExp>> = {
  'container-runtime-endpoint': containerdSocket,
  'healthz-bind-address': /^(127\.0\.0\.1|0\.0\.0\.0)$/,
  'healthz-port': /^10248$/,
  'pod-manifest-path': /^\/etc\/kubernetes\/manifests\/?$/,
}

/** Declines these flags: the service observes the kubelet's health, static pods and runtime at kubeadm's defaults. */
export const unreadableKubelet: Objection = {
  values: `${Object.keys(fixedFlags)
    .map((flag) => `\`${flag}\``)
    .join(', ')} with another value than kubeadm's`,
  find(args) {
    const other = namesAndValues(args).find(([name, value]) => fixedFlags[name]?.test(value) === false)
    return other && `the kubelet's flag ${other[0]} has another value than kubeadm's`
  },
}

/** Declines metrics of etcd over https: the health of etcd is read from there without a certificate. */
export const encryptedMetrics: Objection = {
  values: '`listen-metrics-urls` that do not begin with http://',
  find(args) {
    const isEncrypted = namesAndValues(args).some(
      ([name, value]) => name === 'listen-metrics-urls' && !value.startsWith('http://'),
    )
    return isEncrypted ? "etcd's health is only read without encryption" : undefined
  },
}

function namesAndValues(args: unknown): [name: string, value: string][] {
  const list = Array.isArray(args) ? args : []
  return list.map((each) => [String(valueAt(each, ['name'])), String(valueAt(each, ['value']))])
}

/** Declines commands that change files which kubeadm renders: an upgrade would undo their changes. */
export const changedByCommands: Objection = {
  values:
    "that name a file which kubeadm renders: a static pod's manifest of kubeadm's own, or the kubelet's config.yaml",
  find(_, { spec, role }) {
    const file = renderedFileIn(spec, role)
    return file && `a command names ${file}, and kubeadm renders that again without what the command has made of it`
  },
}

// Files that are replaced by a rename, which fails on a mount point.
const renamed =
  /^\/usr\/bin\/(kubeadm|kubectl|kubelet)$|^\/etc\/kubernetes\/([^/]+\.conf|manifests\/[^/]+\.yaml)$|^\/var\/lib\/kubelet\/(config\.yaml|kubeadm-flags\.env)$/
// Directories that the service writes to.
const written = /^(\/usr(\/bin)?|\/etc(\/kubernetes(\/(manifests|pki))?)?|\/var(\/lib(\/(kubelet|containerd))?)?)?\/?$/

/** Declines mounts at files that are replaced, and read-only mounts at directories that the service writes to. */
export const fixedPrograms: Objection = {
  values: 'over a file that an update replaces, or read-only over a directory that it writes to',
  find(mounts) {
    const list = Array.isArray(mounts) ? mounts : []
    const isInTheWay = list.some((mount) => {
      const path = String(valueAt(mount, ['containerPath']))
      return renamed.test(path) || (valueAt(mount, ['readOnly']) === true && written.test(path))
    })
    return isInTheWay ? 'a mount keeps a file that an update replaces' : undefined
  },
}
