import { UpgradeError } from '../../errors/upgrade-error.ts'
import { atLeastMinor } from '../../kubernetes/versions.ts'
import { shellFile } from '../../machine/machine.ts'
import type { Observation } from '../../machine/observation.ts'
import { otherApiServer } from '../control-plane.ts'
import { type EndedUnit, hasInWork, type Situation, type Step, unitNameOf, waiting, workDirectory } from '../step.ts'

const script = shellFile(new URL('kubeadm.sh', import.meta.url))

// What kubeadm has to overlook in a container: the list that CAPD and kind give it at kubeadm init and join.
const overlooked = 'SystemVerification,Swap,FileContent--proc-sys-net-bridge-bridge-nf-call-iptables'

/** Runs the new kubeadm's `upgrade node`, on every machine alike. It changes nothing where nothing is left to do. */
export const kubeadm: Step = {
  name: 'kubeadm',
  doing: 'running kubeadm upgrade node',
  // Four static pods with five minutes each (kubeadm's timeouts.upgradeManifests), and room for its checks.
  limitSeconds: 1800,
  pollSeconds: 10,
  lookSeconds: 2,
  changesMachine: true,
  needsWork: true,
  renewed: ['kubeadm.done', 'kubeadm.moved'],
  needs: { sections: ['units', 'work'], membersWithinSeconds: 10 },
  usesPrograms: true,
  // On a worker, a finished run of kubeadm leaves no trace, so the script adds a mark.
  done: (situation) => (hasInWork(situation, 'kubeadm.done') ? 'done' : waiting('kubeadm')),
  action: (situation) => ({ kind: 'unit', script, args: argumentsFor(situation) }),
  explain: explainKubeadm,
  remark: ({ observation: { work } }) =>
    work.movedByKubeadm === ''
      ? undefined
      : `kubeadm has exchanged static pods once more, whose manifests it renders in another way: ${work.movedByKubeadm}`,
  // The kubelet gets its own API server back, also where the script was killed.
  rest: ({ machine }) => ({ kind: 'rest', script, args: [workDirectory, machine.role, '-', '-', ''] }),
}

/** The same where it has no static pods to exchange, which takes a second or two: on a worker, or after the exchange. */
export const quickKubeadm: Step = { ...kubeadm, pollSeconds: 2 }

/** True while kubeadm works on the machine. */
export function isKubeadmAtWork({ units }: Observation): boolean {
  return units.some(({ name, state }) => name === unitNameOf(kubeadm) && state === 'running')
}

function argumentsFor(situation: Situation): string[] {
  const { machine, members, patches, target } = situation
  const [configuration, ...flags] = upgradeNodeArguments(situation)
  // Where everything was exchanged already, nothing is left that would make the API server hang.
  const needsOther = machine.role === 'control-plane' && !hasInWork(situation, 'exchanged')
  return [
    workDirectory,
    machine.role,
    needsOther ? (otherApiServer(members) ?? '-') : '-',
    patches ?? '-',
    configuration,
    target,
    ...flags,
  ]
}

/**
 * The UpgradeConfiguration of `kubeadm upgrade node`, which is to stand in upgrade.yaml of the work directory, and then its
 * arguments. `skipped`: phases to be left out besides those that the settings leave out.
 */
export function upgradeNodeArguments(situation: Situation, skipped: readonly string[] = []): [string, ...string[]] {
  const { settings, target } = situation
  const phases = [...skipped, ...(settings.addons === 'kcp' || skipped.length > 0 ? addonPhase(target) : [])]
  return [
    upgradeConfiguration(situation),
    `--ignore-preflight-errors=${overlooked}`,
    ...configurationFlags(situation),
    ...(phases.length > 0 ? [`--skip-phases=${phases.join()}`] : []),
  ]
}

// The phase has a name since kubeadm v1.32 (kubernetes/kubernetes PR 127242).
function addonPhase(target: string): string[] {
  return atLeastMinor(target, 32) ? ['addon'] : []
}

// The UpgradeConfiguration, as JSON. The images are there already; kubeadm's preflight phase would also pull its own
// pause image, which nothing uses. kubeadm remembers no patches: it has to be given their directory each time.
// Source: kubeadm v1.35.4 cmd/upgrade/node.go and apis/kubeadm/v1beta4 (UpgradeNodeConfiguration).
function upgradeConfiguration(situation: Situation): string {
  const { patches } = situation
  return JSON.stringify({
    apiVersion: 'kubeadm.k8s.io/v1beta4',
    kind: 'UpgradeConfiguration',
    node: {
      imagePullPolicy: 'Never',
      // kubeadm would exchange etcd for arguments that etcd does not read any more.
      ...(hasInWork(situation, 'etcd.kept') ? { etcdUpgrade: false } : {}),
      ...(patches === undefined ? {} : { patches: { directory: patches } }),
    },
  })
}

// kubeadm before v1.31 has no kubeadm.k8s.io/v1beta4, and so no UpgradeConfiguration.
function configurationFlags(situation: Situation): string[] {
  const { target, patches } = situation
  if (atLeastMinor(target, 31)) return [`--config=${workDirectory}/upgrade.yaml`]
  return [
    ...(hasInWork(situation, 'etcd.kept') ? ['--etcd-upgrade=false'] : []),
    ...(patches === undefined ? [] : [`--patches=${patches}`]),
  ]
}

/** The error for the exit code of a script that needs manifests and patches; undefined for any other exit code. */
export function explainMissing(exitCode: number, log: string): UpgradeError | undefined {
  if (exitCode === 46) return new UpgradeError('MANIFESTS_INCOMPLETE', {}, { detail: log })
  if (exitCode === 47) return new UpgradeError('PATCHES_MISSING', {}, { detail: log })
  return undefined
}

/** What it means that a unit failed which runs kubeadm. */
export function explainKubeadm({ exitCode, log, name: unit }: EndedUnit, { target }: Situation): UpgradeError {
  if (exitCode === 48) return new UpgradeError('KUBEADM_CONFIG_CHANGED', { target }, { detail: log })
  const missing = explainMissing(exitCode, log)
  if (missing) return missing
  const details = { detail: log }
  // After an API server's restart its node authorizer knows no node for a moment.
  if (log.split('\n').some(isKubeletConfigForbidden)) return new UpgradeError('KUBEADM_FORBIDDEN', {}, details)
  return new UpgradeError('KUBEADM_FAILED', { cause: firstCause(log), unit }, details)
}

// No regular expression: one for both words looks at the rest of the line again at each of the first.
function isKubeletConfigForbidden(line: string): boolean {
  const at = line.indexOf('kubelet-config')
  return at !== -1 && line.includes(' is forbidden', at)
}

// The first thing that kubeadm itself calls an error, and the last line of the component that did not start, if any.
function firstCause(log: string): string {
  const lines = log.split('\n').map((line) => line.trim())
  const cause = lines.find((line) => line.startsWith('[ERROR ')) ?? lines.find((line) => /^error/i.test(line))
  const component = lines.findLast((line) => line.startsWith('component '))
  return [(cause ?? 'kubeadm gave no reason').slice(0, 300), component?.slice(0, 300)].filter(Boolean).join('; ')
}
