import { UpgradeError } from '../../errors/upgrade-error.ts'
import { atLeastMinor } from '../../kubernetes/versions.ts'
import { unitResult } from '../../machine/unit.ts'
import { otherApiServer } from '../control-plane.ts'
import { type Context, waiting, workDirectory } from '../step.ts'
import { type Ended, unitName, unitStep } from '../unit-step.ts'

// What kubeadm has to overlook in a container: the list that CAPD and kind give it at kubeadm init and join.
const overlooked = 'SystemVerification,Swap,FileContent--proc-sys-net-bridge-bridge-nf-call-iptables'

// Runs the new kubeadm's `upgrade node`, on every machine alike. It is a no-op where all is so already.
export const kubeadm = unitStep({
  name: 'kubeadm',
  doing: 'running kubeadm upgrade node',
  // Four static pods with five minutes each (kubeadm's timeouts.upgradeManifests), and room for its checks.
  limitSeconds: 1800,
  pollSeconds: 10,
  script: new URL('kubeadm.sh', import.meta.url),
  args: async (context) => [
    workDirectory(context.target),
    context.machine.role,
    context.machine.role === 'control-plane' ? ((await otherApiServer(context)) ?? '-') : '-',
    context.patches ?? '-',
    upgradeConfiguration(context),
    `--ignore-preflight-errors=${overlooked}`,
    ...configurationFlags(context),
    ...(context.settings.addons === 'kcp' ? skipAddons(context.target) : []),
  ],
  async done({ machine, target }) {
    // kubeadm leaves nothing behind by which a finished run can be told on a worker, so the script marks it.
    return (await machine.has(`${workDirectory(target)}/kubeadm.done`)) ? 'done' : waiting('kubeadm')
  },
  explain,
})

// True while kubeadm works on the machine.
export async function kubeadmUnderWay({ machine }: Context): Promise<boolean> {
  return (await unitResult(machine, unitName(kubeadm.name))).state === 'running'
}

// The phase can be skipped by name since kubeadm v1.32 (kubernetes/kubernetes PR 127242).
function skipAddons(target: string): string[] {
  return atLeastMinor(target, 32) ? ['--skip-phases=addon'] : []
}

// The UpgradeConfiguration, as JSON. The images are there already; kubeadm's preflight phase would also pull its own
// pause image, which nothing uses. kubeadm remembers no patches: it has to be given their directory each time.
// Source: kubeadm v1.35.4 cmd/upgrade/node.go and apis/kubeadm/v1beta4 (UpgradeNodeConfiguration).
function upgradeConfiguration({ patches }: Context): string {
  return JSON.stringify({
    apiVersion: 'kubeadm.k8s.io/v1beta4',
    kind: 'UpgradeConfiguration',
    node: { imagePullPolicy: 'Never', ...(patches === undefined ? {} : { patches: { directory: patches } }) },
  })
}

// kubeadm before v1.31 has no kubeadm.k8s.io/v1beta4, and so no UpgradeConfiguration.
function configurationFlags({ target, patches }: Context): string[] {
  if (atLeastMinor(target, 31)) return [`--config=${workDirectory(target)}/upgrade.yaml`]
  return patches === undefined ? [] : [`--patches=${patches}`]
}

function explain({ exitCode, log, unit }: Ended): UpgradeError {
  if (exitCode === 46) return new UpgradeError('MANIFESTS_INCOMPLETE', {}, { detail: log })
  if (exitCode === 47) return new UpgradeError('PATCHES_MISSING', {}, { detail: log })
  // After an API server's restart its node authorizer knows no node for a moment.
  if (/kubelet-config.* is forbidden/.test(log)) return new UpgradeError('KUBEADM_FORBIDDEN', {}, { detail: log })
  return new UpgradeError('KUBEADM_FAILED', { cause: firstCause(log), unit }, { detail: log })
}

// The first thing that kubeadm itself calls an error, on one line.
function firstCause(log: string): string {
  const lines = log.split('\n').map((line) => line.trim())
  const cause = lines.find((line) => /^\[ERROR /.test(line)) ?? lines.find((line) => /^error/i.test(line))
  return (cause ?? 'it gave no reason').slice(0, 300)
}
