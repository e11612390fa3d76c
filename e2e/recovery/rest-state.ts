import { execa } from 'execa'
import { retryUntil } from '../../scripts/host/retry.ts'
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

/** Differences that the faults explain, so that they are no failures. */
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
export interface MachineAtRest {
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
  { lab, role, way, before, balancer }: MachineAtRest,
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
  return retryUntil(
    () => snapshot(was.machine, lab.controlPlane).catch(() => undefined),
    (seen) => seen !== undefined && problems(was, seen, { role, version: lab.to, kubeProxy: false }).length === 0,
    { limitSeconds: settleSeconds, everySeconds: 2 },
  )
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
  const find = async () => {
    const found = await shellIn(machine, `{ ${searches.join('; ')}; } 2>/dev/null; true`)
    return `${found}\n${(await execa('docker', helper)).stdout}`.split('\n').filter(Boolean)
  }
  const left = await retryUntil(find, ({ length }) => length === 0, { limitSeconds: 40, everySeconds: 2 })
  return left.map((what) => `${machine}: ${what} was left behind`)
}

// The load balancer takes some seconds to detect a machine that is up again.
async function balancerProblems(balancer: string, machine: string): Promise<string[]> {
  const request = `curl --noproxy '*' --globoff --silent --max-time 3 'http://${balancer}:8404/stats;csv'`
  const stateNow = async () => {
    const servers = (await shellIn(machine, `${request} || true`)).split('\n').map((line) => line.split(','))
    return servers.find(([backend, name]) => backend === 'kube-apiservers' && name === machine)?.[17]
  }
  const state = await retryUntil(stateNow, (now) => now === 'UP', { limitSeconds: 30, everySeconds: 1 })
  return state === 'UP' ? [] : [`${machine} is ${state ?? 'unknown'} at the load balancer`]
}

async function serverOf(machine: string, kubeconfig = 'kubelet.conf'): Promise<string> {
  return shellIn(machine, `sed -n 's/^ *server: *//p' /etc/kubernetes/${kubeconfig}`)
}
