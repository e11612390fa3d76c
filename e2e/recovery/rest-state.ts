import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { shellIn } from '../witness/exec.ts'
import type { Role } from '../witness/role.ts'
import { type Snapshot, snapshot } from '../witness/snapshot.ts'
import { isAt, problems } from '../witness/verify.ts'
import { unitsOf, type Way } from './steps.ts'

/** What a machine was like before anything broke. */
export interface Before {
  snapshot: Snapshot
  /** The API server of the kubelet's kubeconfig. */
  server: string
}

/** What may be different after what broke. */
export interface Allowed {
  /** The container was killed: its processes and pods are new. */
  restarted: boolean
  /** How often a unit may have started without a failure of its own before, by its step; once where it is not named. */
  starts: ReadonlyMap<string, number>
}

/** Where a machine has come to rest. */
export interface Rest {
  place: 'target' | 'old' | 'between'
  problems: string[]
}

const settleSeconds = 120
const state = '/var/lib/capd-kubeadm-upgrader'

/** What is judged: a machine that was upgraded in one of the ways of its role. */
export interface Judged {
  lab: { controlPlane: string; from: string; to: string }
  role: Role
  way: Way
  before: Before
  /** The load balancer before the control plane; undefined where there is none. */
  balancer: string | undefined
}

/** Looks at a machine before anything breaks. */
export async function lookBefore(machine: string, controlPlane: string): Promise<Before> {
  return { snapshot: await snapshot(machine, controlPlane), server: await serverOf(machine) }
}

/** Where the machine is at rest, and what is wrong with it: its versions, what was done twice, what was left. */
export async function judge({ lab, role, way, before, balancer }: Judged, allowed: Allowed): Promise<Rest> {
  const was = comparable(before.snapshot, allowed.restarted)
  const { machine } = was
  const seen = await settled(was, role, lab)
  if (!seen) return { place: 'between', problems: [`${machine} cannot be looked at`] }
  const wrong = problems(was, seen, role, lab.to, false)
  const isOld = wrong.length > 0 && isAt(seen, role, lab.from, false)
  const found = isOld ? [] : [...wrong]
  found.push(...(await doneTwice(machine, way, allowed)), ...(await leftBehind(machine)))
  if (balancer !== undefined && role === 'control-plane') found.push(...(await drainedAt(balancer, machine)))
  const server = await serverOf(machine)
  // kubeadm may give a control plane's kubelet the API server of its own machine, which this kubeconfig names.
  const local = role === 'worker' ? '' : await serverOf(machine, 'controller-manager.conf')
  if (![before.server, local].includes(server)) found.push(`kubelet.conf names ${server}, not ${before.server}`)
  return { place: isOld ? 'old' : wrong.length === 0 ? 'target' : 'between', problems: found }
}

async function settled(
  was: Snapshot,
  role: Role,
  lab: { controlPlane: string; to: string },
): Promise<Snapshot | undefined> {
  for (const limit = Date.now() + settleSeconds * 1000; ; await sleep(2000)) {
    const seen = await snapshot(was.machine, lab.controlPlane).catch(() => undefined)
    const isSettled = seen && problems(was, seen, role, lab.to, false).length === 0
    if (isSettled || Date.now() > limit) return seen
  }
}

// A restarted container keeps only these: kind's entrypoint generates another machine-id.
function comparable(before: Snapshot, restarted: boolean): Snapshot {
  if (!restarted) return before
  const { 'container id': id = '', 'Node UID': uid = '' } = before.identity
  return { ...before, identity: { 'container id': id, 'Node UID': uid }, pods: {} }
}

// What was staged stays for the next attempt; these units are begun again by it.
const ofEachAttempt = ['render', 'prepare', 'exchange', 'kubeadm']

// systemd's journal counts. A unit that failed may start again, and so may what its attempt did before it.
async function doneTwice(machine: string, way: Way, { starts }: Allowed): Promise<string[]> {
  const journal = await shellIn(
    machine,
    "journalctl -m -o cat --no-pager _PID=1 | grep -F 'capd-kubeadm-upgrader-' || true",
  )
  const lines = journal.split('\n')
  const timesOf = (step: string, what: (unit: string) => string) =>
    lines.filter((line) => line.startsWith(what(`capd-kubeadm-upgrader-${step}`))).length
  const failuresOf = (step: string) => timesOf(step, (unit) => `${unit}.service: Failed with result`)
  return unitsOf(way).flatMap((step, i, all) => {
    const began = timesOf(step, (unit) => `Started ${unit}`)
    const repeating = ofEachAttempt.includes(step) ? all.slice(i) : [step]
    const failed = repeating.map(failuresOf).reduce((sum, one) => sum + one)
    if (began >= 1 && began <= (starts.get(step) ?? 1) + failed) return []
    return [`the unit ${step} started ${began} times; ${repeating.join(', ')} failed ${failed} times`]
  })
}

// Everything of the service's that is not its record, wherever an attempt can have put it.
async function leftBehind(machine: string): Promise<string[]> {
  const look = [
    "systemctl list-units --all --plain --no-legend 'capd-kubeadm-upgrader-*' | cut -d ' ' -f 1",
    `ls -1A ${state} | grep -vxE 'attempt.json|files' | sed 's|^|${state}/|'`,
    "find /etc/kubernetes -name '*.new' -o -name 'restored.yaml' -o -name 'kubeadm-backup-etcd-*' -o -name 'kubeadm-upgraded-manifests*' -o -name 'capd-kubeadm-upgrader*'",
    "find /usr/bin -name '.*.new'",
    "find /var/lib/kubelet -maxdepth 1 -name '*.new'",
    "find /run -maxdepth 1 -name 'capd-kubeadm-upgrader.*'",
    "mount | grep -E 'capd-kubeadm-upgrader|/etc/kubernetes/tmp'",
  ]
  const helper = [
    'ps',
    '--all',
    '--filter',
    `name=capd-kubeadm-upgrader-(binaries|images)-${machine}$`,
    '--format={{.Names}}',
  ]
  // An exec that a dead service had begun ends by itself.
  for (const limit = Date.now() + 40_000; ; await sleep(2000)) {
    const found = await shellIn(machine, `{ ${look.join('; ')}; } 2>/dev/null; true`)
    const left = `${found}\n${(await execa('docker', helper)).stdout}`.split('\n').filter(Boolean)
    if (left.length === 0 || Date.now() > limit) return left.map((what) => `${machine}: ${what} was left behind`)
  }
}

// The load balancer takes some seconds to find a machine that is back.
async function drainedAt(balancer: string, machine: string): Promise<string[]> {
  const ask = `curl --noproxy '*' --globoff --silent --max-time 3 'http://${balancer}:8404/stats;csv'`
  for (const limit = Date.now() + 30_000; ; await sleep(1000)) {
    const servers = (await shellIn(machine, `${ask} || true`)).split('\n').map((line) => line.split(','))
    const state = servers.find(([backend, name]) => backend === 'kube-apiservers' && name === machine)?.[17]
    if (state === 'UP') return []
    if (Date.now() > limit) return [`${machine} is ${state ?? 'unknown'} at the load balancer`]
  }
}

async function serverOf(machine: string, kubeconfig = 'kubelet.conf'): Promise<string> {
  return shellIn(machine, `sed -n 's/^ *server: *//p' /etc/kubernetes/${kubeconfig}`)
}
