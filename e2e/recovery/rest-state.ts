import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { shellIn } from '../witness/exec.ts'
import type { Role } from '../witness/role.ts'
import { type Snapshot, snapshot } from '../witness/snapshot.ts'
import { isAt, problems } from '../witness/verify.ts'
import { type UpgradeWay, unitsOf } from './steps.ts'

/** A machine before any fault. */
export interface InitialState {
  snapshot: Snapshot
  /** The API server of the kubelet's kubeconfig. */
  server: string
}

/** Differences that the faults explain. */
export interface AllowedDifferences {
  /** True when the container was killed, so that its processes and pods are new. */
  restarted: boolean
  /** How often a step's unit may have started without an earlier failure; once by default. */
  starts: ReadonlyMap<string, number>
}

/** The state in which a machine came to rest. */
export interface RestState {
  place: 'target' | 'old' | 'between'
  problems: string[]
}

const settleSeconds = 120
const state = '/var/lib/capd-kubeadm-upgrader'

/** A machine after its upgrade. */
export interface UpgradedMachine {
  lab: { controlPlane: string; from: string; to: string }
  role: Role
  way: UpgradeWay
  before: InitialState
  /** The load balancer of the control plane; undefined when there is none. */
  balancer: string | undefined
}

/** Reads a machine before any fault. */
export async function readInitialState(machine: string, controlPlane: string): Promise<InitialState> {
  return { snapshot: await snapshot(machine, controlPlane), server: await serverOf(machine) }
}

/** Verifies a machine at rest: its versions, that no unit started twice, and that nothing was left behind. */
export async function readRestState(
  { lab, role, way, before, balancer }: UpgradedMachine,
  allowed: AllowedDifferences,
): Promise<RestState> {
  const was = comparable(before.snapshot, allowed.restarted)
  const { machine } = was
  const seen = await settled(was, role, lab)
  if (!seen) return { place: 'between', problems: [`no snapshot of ${machine} could be taken`] }
  const wrong = problems(was, seen, { role, version: lab.to, kubeProxy: false })
  const isOld = wrong.length > 0 && isAt(seen, { role, version: lab.from, kubeProxy: false })
  const found = isOld ? [] : [...wrong]
  found.push(...(await repeatedUnits(machine, way, allowed)), ...(await leftBehind(machine)))
  if (balancer !== undefined && role === 'control-plane') found.push(...(await balancerProblems(balancer, machine)))
  const server = await serverOf(machine)
  // kubeadm may set the kubelet's API server to the machine's own, which this kubeconfig has.
  const local = role === 'worker' ? '' : await serverOf(machine, 'controller-manager.conf')
  if (![before.server, local].includes(server)) found.push(`kubelet.conf has ${server}, expected ${before.server}`)
  return { place: isOld ? 'old' : wrong.length === 0 ? 'target' : 'between', problems: found }
}

async function settled(
  was: Snapshot,
  role: Role,
  lab: { controlPlane: string; to: string },
): Promise<Snapshot | undefined> {
  for (const limit = Date.now() + settleSeconds * 1000; ; await sleep(2000)) {
    const seen = await snapshot(was.machine, lab.controlPlane).catch(() => undefined)
    const isSettled = seen && problems(was, seen, { role, version: lab.to, kubeProxy: false }).length === 0
    if (isSettled || Date.now() > limit) return seen
  }
}

// A restarted container keeps only these: kind's entrypoint generates a new machine-id.
function comparable(before: Snapshot, restarted: boolean): Snapshot {
  if (!restarted) return before
  const { 'container id': id = '', 'Node UID': uid = '' } = before.identity
  return { ...before, identity: { 'container id': id, 'Node UID': uid }, pods: {} }
}

// The units that each attempt starts again. Staged files are kept for the next attempt.
const ofEachAttempt = ['render', 'prepare', 'exchange', 'kubeadm']

// Counts starts in the journal. A failed unit may start again, and so may the units before it in the attempt.
async function repeatedUnits(machine: string, way: UpgradeWay, { starts }: AllowedDifferences): Promise<string[]> {
  const journal = await shellIn(
    machine,
    "journalctl -m -o cat --no-pager _PID=1 | grep -F 'capd-kubeadm-upgrader-' || true",
  )
  const lines = journal.split('\n')
  const timesOf = (step: string, what: (unit: string) => string) =>
    lines.filter((line) => line.startsWith(what(`capd-kubeadm-upgrader-${step}`))).length
  const failuresOf = (step: string) => timesOf(step, (unit) => `${unit}.service: Failed with result`)
  return unitsOf(way).flatMap((step, i, all) => {
    const started = timesOf(step, (unit) => `Started ${unit}`)
    const repeating = ofEachAttempt.includes(step) ? all.slice(i) : [step]
    const failed = repeating.map(failuresOf).reduce((sum, one) => sum + one)
    if (started >= 1 && started <= (starts.get(step) ?? 1) + failed) return []
    return [`the unit ${step} started ${started} times; ${repeating.join(', ')} failed ${failed} times`]
  })
}

// Everything that an attempt can leave, apart from its record.
async function leftBehind(machine: string): Promise<string[]> {
  const searches = [
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
  // An exec of a killed service ends by itself.
  for (const limit = Date.now() + 40_000; ; await sleep(2000)) {
    const found = await shellIn(machine, `{ ${searches.join('; ')}; } 2>/dev/null; true`)
    const left = `${found}\n${(await execa('docker', helper)).stdout}`.split('\n').filter(Boolean)
    if (left.length === 0 || Date.now() > limit) return left.map((what) => `${machine}: ${what} was left behind`)
  }
}

// The load balancer takes some seconds to detect a machine that is up again.
async function balancerProblems(balancer: string, machine: string): Promise<string[]> {
  const request = `curl --noproxy '*' --globoff --silent --max-time 3 'http://${balancer}:8404/stats;csv'`
  for (const limit = Date.now() + 30_000; ; await sleep(1000)) {
    const servers = (await shellIn(machine, `${request} || true`)).split('\n').map((line) => line.split(','))
    const state = servers.find(([backend, name]) => backend === 'kube-apiservers' && name === machine)?.[17]
    if (state === 'UP') return []
    if (Date.now() > limit) return [`${machine} is ${state ?? 'unknown'} at the load balancer`]
  }
}

async function serverOf(machine: string, kubeconfig = 'kubelet.conf'): Promise<string> {
  return shellIn(machine, `sed -n 's/^ *server: *//p' /etc/kubernetes/${kubeconfig}`)
}
