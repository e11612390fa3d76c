import { type FaultDefinition, faults, type ParameterName, parameters } from '../../src/faults/table.ts'
import { heading, table } from './table.ts'

// What Cluster API does, read in its source at v1.14.2 (internal/runtime/client, core/reconcilers/machine,
// core/reconcilers/machinedeployment, controlplane/kubeadm).
const consequences: Record<FaultDefinition['leadsTo'][number], string> = {
  rollout: `A difference is left, so the machine is replaced. The controller logs \`cannot be updated in-place by
extensions\` with the difference. KubeadmControlPlane scales the machine down and a new one up; MachineDeployment rolls
out, and keeps this verdict on the pair of MachineSets for 24 hours.`,
  stall: `The reconcile of the KubeadmControlPlane or MachineDeployment ends in an error. The machine is neither updated
nor replaced: the rollout stands still. It asks again after 1 s, then less and less often, at last every 1000 s, for
ever; nothing is kept, so the rollout goes on with the first answer that is right. The error is in the controller's log:
\`got failure response with message: misbehaviour block: …\`, \`got response with status code 500 != 200\`, \`failed to
decode response: unexpected EOF\`, \`error applying json patch (RFC6902)\`, or for \`hang\` one of a timeout.`,
  failed: `The Machine's condition Updating is True with the reason \`InPlaceUpdateFailed\` and always the message
\`UpdateMachine hook failed: please check controller logs for errors\`; what went wrong is only in that log, as above.
The machine is not replaced for it: Cluster API asks again after 1 s, then less and less often, at last every 1000 s, for
ever, and takes the first answer that is right. Until then UpToDate is False, and a KubeadmControlPlane leaves its other
machines alone.`,
  late: 'As without it, only later: the answer is within the limit. Other reconciles of the same object wait.',
  over: `The update counts as finished: the annotations are taken away, Updating becomes False with the reason
\`NotUpdating\`, and the hook is not called again. UpToDate stays False with the reason \`Updating\` and the message
\`Node.status.nodeInfo.kubeletVersion v…, v… required\`, for good: nothing notices it but this condition. A
KubeadmControlPlane compares only the Machine's spec, takes the machine for updated and goes on to the next one.`,
  waits: `Updating stays True with the reason \`InPlaceUpdating\` and the message \`In-place update in progress:
misbehaviour never-done: at v…\`, and the hook is called every 10 s, for ever: Cluster API has no time limit. UpToDate
stays False; a KubeadmControlPlane leaves its other machines alone, a MachineDeployment counts the machine as
unavailable.`,
  gone: `A call that is under way, and each one until the service is back, fails with a transport error: as *failed* for
UpdateMachine, as *stall* for CanUpdate, for all clusters that the service serves. Whoever started the service has to start
it again (a Deployment does); it then finds the machine as it is and goes on, and the condition says \`InPlaceUpdating\`
again.`,
  undiscovered: `The ExtensionConfig's condition Discovered is False with the reason \`NotDiscovered\` and the message in
it; handlers that were known before are called as ever. A core manager that starts meanwhile tries for 60 s and then
exits, and with it stand all its clusters; the manager of KubeadmControlPlane, too, because it needs Discovered to be
True.`,
}

const places: Record<FaultDefinition['on'], string> = {
  'can-update': 'CanUpdateMachine, CanUpdateMachineSet',
  'update-machine': 'UpdateMachine',
  all: 'all three, or those that <hook> names',
  step: 'a step of the upgrade',
  discovery: 'Discovery',
}

const parameterMeanings: Record<ParameterName, string> = {
  object:
    'Whose patch is left out. A change that does not touch this object is made in place as ever. Nothing of the infrastructure machine is ever covered, so `infrastructure` changes nothing.',
  hook: '`can-update` is both CanUpdate hooks.',
  status: 'The HTTP status.',
  step: 'A step of the plan. A machine that does not have it is upgraded as ever: a worker has no static pods, and where no files are asked for there is no `files`. A machine that is at the target is left alone; simulated steps never misbehave.',
  times: 'How often, for each machine, version and list of files.',
}

/** The page about fault injection: what each fault does, and what Cluster API then does. */
export function misbehavioursPage(): string {
  const entries = Object.values(faults)
  const rows = entries.map((entry) => [
    `\`${entry.form}\``,
    places[entry.on],
    entry.does,
    entry.leadsTo.map((consequence) => `*${consequence}*`).join(' (CanUpdate), ') +
      (entry.leadsTo.length > 1 ? ' (UpdateMachine)' : ''),
  ])
  const given = Object.entries(parameters).map(([name, { allowed, default: usual }]) => [
    `\`<${name}>\``,
    allowed,
    usual && `\`${usual}\``,
    parameterMeanings[name as ParameterName],
  ])
  return `${heading('Misbehaviours', 'src/faults/table.ts')}

For tests of what Cluster API does when an updater is wrong, slow or gone. They are off, and a call that asks for one is
answered with a Failure (\`FAULTS_NOT_ALLOWED\`), unless the service was started with \`UPGRADER_FAULTS=allow\`. Then the
log says so at the start, the gauge \`capd_kubeadm_upgrader_faults_allowed\` is 1, each misbehaviour that happens is a
warning in the log with its name, and its message, where there is one, begins with \`misbehaviour <name>:\`.

## How to ask for one

In \`spec.settings\` of the ExtensionConfig, which Cluster API sends with every call but discovery:

\`\`\`yaml
apiVersion: runtime.cluster.x-k8s.io/v1beta2
kind: ExtensionConfig
spec:
  settings:
    fault: none                             # for every machine of every cluster
    fault/default/c1: fail-at:kubeadm:2     # for the cluster c1 in the namespace default
\`\`\`

The key of a machine's own cluster wins over \`fault\`; other clusters are served as if it were not there. No request
carries the Cluster, so it is the namespace of the Machine or MachineSet and its label
\`cluster.x-k8s.io/cluster-name\` (else \`spec.clusterName\`) that count. A value that is not in the table makes the calls
that it is meant for fail with \`SETTING_VALUE\`, naming the key, and starts nothing.

A setting holds from the next call, and for the steps of an upgrade that is under way from their next look at the
machine. **CanUpdateMachineSet is asked only once in 24 hours for a pair of MachineSets**, whatever the answer was, unless it
was an error; so a changed setting does nothing there until the MachineDeployment has another template (or the core manager
was restarted).

Discovery carries no settings: \`discovery-fails\` is asked for with \`UPGRADER_FAULTS=discovery-fails\`, which also allows
all others.

## What there is

${table(['Value', 'Where', 'What the service does', 'What Cluster API then does'], rows)}

${table(['', 'One of', 'If left out', 'Meaning'], given)}

How often a step has misbehaved stands in the machine's record of the attempt (\`attempt.json\`), before it does: a
restart and a second replica count on. Each name and step is counted on its own, and each request for itself: another
version or other files count from the beginning. A step that fails is tried again after a pause of 10 s, then of 20 s, and
from the third equal failure on of an hour, as after any failure. \`crash-at:<step>\` is one crash, not one for each start, so that a Deployment comes
back from it; with \`always\` it is a crash loop, which ends when the setting is taken away.

**start and sync** take \`fault\` in their \`settings\`, and only the misbehaviour of steps shows in them: the others are
answers of hooks. They name no namespace, so the keys of clusters are unknown to them.

## What Cluster API then does

${Object.entries(consequences)
  .map(([name, text]) => `- *${name}*: ${text.replaceAll('\n', '\n  ')}`)
  .join('\n')}
`
}
