import { createHash } from 'node:crypto'
import { posix } from 'node:path'
import { commandsOf } from './commands.ts'
import { valueAt } from './json.ts'

// A file as it has to be in the machine.
export interface WantedFile {
  path: string
  // Four octal digits.
  mode: string
  user: string
  group: string
  content: Buffer
}

// Where no file is written, nor below: what is gone with a restart, what belongs to kubeadm, the kubelet, etcd,
// containerd or this service, what Docker mounts into the machine, and links to other places, which have names of
// their own.
export const closedPlaces: readonly string[] = [
  '/run /tmp /proc /sys /dev /bin /sbin /lib /lib64 /var/run /var/lock /etc/hosts /etc/hostname /etc/resolv.conf',
  '/usr/bin/kubeadm /usr/bin/kubelet /usr/bin/kubectl /var/lib/capd-kubeadm-upgrader',
  '/var/lib/kubelet /var/lib/etcd /var/lib/containerd',
  '/etc/kubernetes/pki /etc/kubernetes/manifests /etc/kubernetes/tmp /etc/kubernetes/admin.conf',
  '/etc/kubernetes/super-admin.conf /etc/kubernetes/kubelet.conf /etc/kubernetes/bootstrap-kubelet.conf',
  '/etc/kubernetes/controller-manager.conf /etc/kubernetes/scheduler.conf',
].flatMap((places) => places.split(' '))

// The places above and the directories of kubeadm's patches, which take effect only with `kubeadm upgrade node`.
export function closedBy(...specs: unknown[]): string[] {
  const configurations = specs.flatMap((spec) =>
    ['init', 'join'].map((verb) => valueAt(spec, [`${verb}Configuration`])),
  )
  const directories = configurations.map((found) => valueAt(found, ['patches', 'directory']) || undefined)
  const patches = directories.filter((directory) => typeof directory === 'string')
  return [...closedPlaces, ...patches.map((directory) => posix.resolve('/', directory))]
}

// CAPD hands the path to a shell as it is.
const plainPath = /^(\/(?!\.{1,2}(\/|$))[\w.@+:=,~-]+)+$/
// Linux' limits, in bytes; plain characters have one byte each.
const pathBytes = 4096
const nameBytes = 255

/** True for an absolute path without `.`, `..`, doubled slashes, spaces and shell characters that Linux can hold. */
export function isPlainPath(path: unknown): path is string {
  if (typeof path !== 'string' || path.length >= pathBytes || !plainPath.test(path)) return false
  return path.split('/').every((name) => name.length <= nameBytes)
}

// The file that an entry of KubeadmConfig spec.files asks for, or why it is not written in place.
export function fileOf(entry: unknown, closed: readonly string[]): WantedFile | string {
  const { path, content, encoding, owner = 'root:root', permissions = '0644', ...more } = Object(entry)
  const { append = false, contentFormat = 'Raw', ...unknown } = more
  const isText = [content, owner, permissions].every((value) => typeof value === 'string')
  if (!isText || append !== false || contentFormat !== 'Raw' || Object.keys(unknown).length > 0) {
    return 'only inline content is written, without append and Template'
  }
  if (!isPlainPath(path)) return 'its path is not absolute, clean and in plain characters'
  if (closed.some((place) => `${path}/`.startsWith(place === '/' ? place : `${place}/`))) return 'its place is closed'
  const [, user, group = 'root'] = /^([a-z_][\w-]*|\d+)(?::([a-z_][\w-]*|\d+))?$/i.exec(owner) ?? []
  if (user === undefined) return 'its owner is not of the form user:group'
  if (!/^[0-7]{3,4}$/.test(permissions)) return 'its permissions are not three or four octal digits'
  const bytes = bytesOf(content, encoding)
  return bytes ? { path, mode: permissions.padStart(4, '0'), user, group, content: bytes } : contentObjection
}

// The files that a KubeadmConfig's spec asks for, and where none is written.
export interface Files {
  wanted: WantedFile[]
  closed: string[]
}

// All entries that are never written in place are as if they were not there.
export function filesOf(spec: unknown, closed = closedBy(spec), commands = commandsOf(spec)): Files {
  const list = valueAt(spec, ['files'])
  const entries: unknown[] = Array.isArray(list) && formatObjection(spec) === undefined ? list : []
  const paths = entries.map((entry) => valueAt(entry, ['path']))
  const alone = entries.filter((_, i) => paths.indexOf(paths[i]) === paths.lastIndexOf(paths[i]))
  const files = alone.map((entry) => fileOf(entry, closed)).filter((file) => typeof file !== 'string')
  return { wanted: files.filter(({ path }) => commands.listThatMentions(path) === undefined), closed }
}

// Ignition has rules of its own for content.
export function formatObjection(spec: unknown): string | undefined {
  const format = valueAt(spec, ['format']) ?? 'cloud-config'
  return format === 'cloud-config' ? undefined : 'its format is not cloud-config'
}

// One digest for all that a file is to be.
export function digestOf({ content, ...rest }: WantedFile): string {
  return createHash('sha256').update(JSON.stringify(rest)).update(content).digest('hex')
}

const contentObjection = 'its content is not what a new machine would get'

// The bytes that a new machine's file holds. The bootstrap provider puts content into YAML as a block, which ends
// in one newline and cannot carry some texts at all. CAPD v1.14.2 does not unpack gzip+base64, and no text is gzip.
// Source: CAPI v1.14.2 bootstrap/kubeadm/pkg/cloudinit/{files,utils}.go and, below test/infrastructure/docker,
// internal/provisioning/cloudinit/writefiles.go.
function bytesOf(content: string, encoding: unknown): Buffer | undefined {
  const text = content.replace(/\n*$/, '')
  if (encoding === 'base64') {
    const code = text.replaceAll('\n', '')
    return code.length % 4 === 0 && /^[a-z0-9+/]+={0,2}$/i.test(code) ? Buffer.from(code, 'base64') : undefined
  }
  const isCarried = /^(?=\n*\S)(?:[\n\t]|[^\p{Cc}\p{Cs}\p{Cn}\u2028\u2029])*$/u.test(text)
  return encoding === undefined && isCarried ? Buffer.from(`${text}\n`) : undefined
}
