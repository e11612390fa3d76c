import { createHash } from 'node:crypto'
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, utimesSync } from 'node:fs'
import { execaSync } from 'execa'
import { stateDirectory } from '../../../../src/machine/machine.ts'
import type { Lab } from '../../../fake-docker/lab.ts'
import type { SimulatedMachine } from '../../../fake-docker/machine.ts'
import { imagesOf, old, staticPodsOf, target } from '../../../fake-docker/release.ts'
import { addStandIns, balanceWith, breakIt, manifestOf } from '../exchanged-machine.ts'
import { createRoot, type Root } from '../rooted.ts'

/** Where the shell files of steps change something. */
const watched = ['/usr/bin', '/etc/kubernetes/manifests', '/etc/kubernetes/tmp', '/etc/lab', stateDirectory]

// A lock shows nothing of the machine.
const ignored = [/\/files\/lock$/]

const programs = ['kubeadm', 'kubelet', 'kubectl']

/** A real root that has the files of a simulated machine, and programs that behave as its programs do. */
export function rootLike(lab: Lab, machine: SimulatedMachine): Root {
  const root = createRoot()
  addRelease(root)
  addStandIns(root)
  addBalancer(root, lab, machine)
  root.write('/tmp/cluster-configuration', lab.cluster.clusterConfiguration)
  const paths = [...machine.files.keys()].sort()
  for (const [i, path] of paths.entries()) {
    put(root, machine, path)
    // The newest of kubeadm's backups is the one whose name comes last.
    utimesSync(root.path(path), 1000 + i, 1000 + i)
  }
  if (machine.brokenKubelets.has(target)) breakIt(root, 'kubelet')
  if (machine.brokenApiServers.size > 0) breakIt(root, 'kube-apiserver')
  if (!machine.etcdHealthy) root.program('/stand-ins/curl', `echo '{"health":"false"}'`)
  return root
}

/** The files of a simulated machine that shell files of steps change, by path. */
export function filesOf(machine: SimulatedMachine): Record<string, string> {
  const files = [...machine.files].filter(([path]) => isWatched(path) && !path.endsWith('/.'))
  return Object.fromEntries(files.sort().map(([path, content]) => [path, content.trim()]))
}

/** The same files of a root, in the words of the simulated machine: a program is its version, a manifest its image. */
export function filesIn(root: Root): Record<string, string> {
  const prefix = root.path('').replace(/\/$/, '')
  const files = watched
    .map((directory) => root.path(directory))
    .filter((directory) => existsSync(directory))
    .flatMap((directory) => readdirSync(directory, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`)
    // Below some of our directories stand the paths that files have in the machine.
    .map((file): [path: string, file: string] => [file.replaceAll(prefix, ''), file])
    .filter(([path]) => isWatched(path))
  return Object.fromEntries(files.sort().map(([path, file]) => [path, contentOf(path, file, prefix).trim()]))
}

function isWatched(path: string): boolean {
  return watched.some((directory) => path.startsWith(`${directory}/`)) && !ignored.some((one) => one.test(path))
}

function put(root: Root, machine: SimulatedMachine, path: string): void {
  const content = machine.files.get(path) ?? ''
  const name = path.split('/').at(-1) ?? ''
  const program = programs.find((one) => name === one || name === `.${one}.new`)
  if (program !== undefined && /^v\d/.test(content)) putProgram(root, { path, program, version: content }, machine)
  else if (/\.yaml$/.test(path) && /^registry\.k8s\.io\//.test(content)) root.write(path, manifestWith(content))
  else if (path.startsWith('/etc/lab/')) putFile(root, path, content)
  else root.write(path, content)
}

// The simulated machine has mode and owner in front of what files.sh writes.
function putFile(root: Root, path: string, content: string): void {
  const [, mode = '0644', text = ''] = /^(\d+) \w+:\w+ ([\s\S]*)$/.exec(content) ?? []
  root.write(path, text)
  chmodSync(root.path(path), Number.parseInt(mode, 8))
}

function manifestWith(image: string): string {
  const [, pod = '', tag = ''] = /^registry\.k8s\.io\/(.*):(.*)$/.exec(image) ?? []
  return manifestOf(pod, tag)
}

function contentOf(path: string, file: string, prefix: string): string {
  const text = readFileSync(file, 'utf8')
  const version = /^#!\/bin\/sh\n# \w+ (\S+)\n/.exec(text)?.[1]
  if (version !== undefined) return version
  // The simulated machine has no kubeconfigs.
  if (path.endsWith('.conf.own')) return ''
  if (path.startsWith('/etc/lab/')) return `${ownershipOf(file)} ${text}`
  return (path.endsWith('.yaml') && /^ *image: (.*)$/m.exec(text)?.[1]) || text.replaceAll(prefix, '')
}

function ownershipOf(file: string): string {
  const { mode, uid, gid } = statSync(file)
  const nameOf = (id: number) => ({ 0: 'root', 1: 'daemon' })[id] ?? String(id)
  return `${(mode & 0o777).toString(8).padStart(4, '0')} ${nameOf(uid)}:${nameOf(gid)}`
}

// What a release server and kubeadm's templates have, by version.
function addRelease(root: Root): void {
  for (const version of [old, target]) {
    for (const image of Object.values(staticPodsOf(version))) {
      const pod = /\/([^/:]+):/.exec(image)?.[1]
      root.write(`/tmp/templates/${version}/${pod}.yaml`, manifestWith(image))
    }
    root.write(
      `/tmp/images/${version}`,
      imagesOf(version)
        .map((image) => `${image}\n`)
        .join(''),
    )
  }
}

/** Lets curl fetch the programs of a version from http://files. */
export function serveRelease(root: Root, machine: SimulatedMachine, version: string): void {
  for (const program of programs) putProgram(root, { path: `/tmp/release/${program}`, program, version }, machine)
  root.program(
    '/stand-ins/curl',
    `while [ $# -gt 1 ]; do if [ "$1" = --output ]; then output=$2; fi; shift; done
     case $1 in http://files/*) name=\${1##*/} ;; *) exit 7 ;; esac
     case $name in
       *.sha256) sha256sum </tmp/release/\${name%.sha256} | cut -d ' ' -f 1 ;;
       *) command -p cat /tmp/release/$name ;;
     esac >"$output"
     printf 200`,
  )
}

/** Makes the archive of a list of images real, if there is one, and lets ctr import it. */
export function importImages(root: Root): void {
  const archive = `${stateDirectory}/work/images.tar`
  const add = (text: string) => {
    const digest = createHash('sha256').update(text).digest('hex')
    root.write(`/tmp/archive/blobs/sha256/${digest}`, text)
    return `{"digest": "sha256:${digest}"}`
  }
  root.program('/stand-ins/ctr', 'for last; do :; done\ntar -xOf "$last" names >>/tmp/imported')
  if (!root.has(archive) || !root.read(archive).startsWith('registry.')) return
  root.write('/tmp/archive/names', root.read(archive))
  root.write('/tmp/archive/index.json', `{"manifests":[${add(`{"layers":[${add('a layer')}]}`)}]}`)
  execaSync('tar', ['-C', root.path('/tmp/archive'), '-cf', root.path(archive), '.', '--transform=s,^\\./,,'])
}

/** The images that were imported or pulled. */
export function importedIn(root: Root): string[] {
  return root.has('/tmp/imported') ? root.read('/tmp/imported').split('\n').filter(Boolean).sort() : []
}

function addBalancer(root: Root, { cluster }: Lab, machine: SimulatedMachine): void {
  const { answers, draining } = cluster.balancer
  const up = cluster.machines.filter(({ apiServer }) => apiServer?.ready)
  const servers = up.map(({ name }) => `${name} ${draining.has(name) ? 'DRAIN' : 'UP'}`)
  balanceWith(root, answers ? servers : [], answers ? 303 : 500)
  root.write('/etc/kubernetes/admin.conf', 'clusters:\n- cluster:\n    server: https://balancer:6443\n  name: lab\n')
  root.write('/etc/kubernetes/kubelet.conf', 'clusters:\n- cluster:\n    server: https://balancer:6443\n  name: lab\n')
  if (machine.role === 'worker') root.remove('/etc/kubernetes/admin.conf')
}

interface Program {
  path: string
  program: string
  version: string
}

function putProgram(
  root: Root,
  { path, program, version }: Program,
  { clock, renderRefusal = '' }: SimulatedMachine,
): void {
  root.program(path, behaviours[program]?.({ version, now: clock.now(), renderRefusal }))
  // The version stands in the text, and the name under which it is called is the program's, not the file's.
  const text = readFileSync(root.path(path), 'utf8').replace(
    /^#!\/bin\/sh\necho "\S+ /,
    `#!/bin/sh\n# ${program} ${version}\necho "${program} `,
  )
  root.write(path, text)
  chmodSync(root.path(path), 0o755)
}

const behaviours: Record<string, (of: { version: string; now: number; renderRefusal: string }) => string> = {
  kubelet: ({ version }) => `echo "Kubernetes ${version}"`,

  kubectl: ({ version }) => `case "$*" in
    "version --client") echo "Client Version: ${version}" ;;
    get*configmap*) command -p cat /tmp/cluster-configuration ;;
    config*)
      for word; do case $word in --kubeconfig=*) file=\${word#*=} ;; --server=*) server=\${word#*=} ;; esac; done
      case $2 in
        view) command -p sed -n 's/^  name: //p; s/^    server: //p' "$file" | sort -r ;;
        set-cluster) command -p sed -i "s#^    server: .*#    server: $server#" "$file" ;;
      esac ;;
    *) exit 64 ;;
  esac`,

  // What kubeadm itself does of each command, on a control plane machine and on a worker.
  kubeadm: ({ version, now, renderRefusal }) => `for last; do :; done
  named() { command -p sed -n 's/^kubernetesVersion: //p' "$1"; }
  case "$*" in
    "version -o short") echo ${version} ;;
    "config images pull"*) command -p cat "/tmp/images/$(named "$last")" >>/tmp/imported ;;
    "certs renew all") ;;
    "init phase"*)
      [ -z '${renderRefusal}' ] || { echo 'error: ${renderRefusal}' >&2; exit 1; }
      command -p cp "/tmp/templates/$(named "$last")"/*.yaml "$KUBEADM_INIT_DRYRUN_DIR/" ;;
    "upgrade node"*skip-phases=*control-plane*) ;;
    "upgrade node"*)
      [ -e /etc/kubernetes/manifests/kube-apiserver.yaml ] || exit 0
      mkdir -p /etc/kubernetes/tmp/kubeadm-backup-etcd-${now} /etc/kubernetes/tmp/kubeadm-backup-manifests-${now}
      printf data >/etc/kubernetes/tmp/kubeadm-backup-etcd-${now}/etcd
      command -p cp /etc/kubernetes/manifests/*.yaml /etc/kubernetes/tmp/kubeadm-backup-manifests-${now}/
      command -p cp "/tmp/templates/$(named /tmp/cluster-configuration )"/*.yaml /etc/kubernetes/manifests/ ;;
    *) exit 64 ;;
  esac`,
}
