import { type FaultDefinition, faults, type ParameterName, parameters } from '../../src/faults/table.ts'
import { heading, table } from './table.ts'

// What Cluster API does, read in its source at v1.14.2 (internal/runtime/client, core/reconcilers/machine,
// core/reconcilers/machinedeployment, controlplane/kubeadm).
const consequences: Record<FaultDefinition['leadsTo'][number], string> = {
  rollout: `A difference is left, so the machine is replaced. The controller logs \`cannot be updated in-place by
extensions\` with the difference. KubeadmControlPlane scales the machine down and a new one up; MachineDeployment rolls
out, and keeps this verdict on the pair of MachineSets for 24 hours.`,
  stall: `The reconcile of the KubeadmControlPlane or MachineDeployment ends in an error. The machine is neither updated
nor replaced: the rollout stands still. Cluster API retries after 1 s, then with a growing pause of up to 1000 s, indefinitely. Nothing is
cached, so the rollout continues with the first correct answer. The error is in the controller's log:
\`got failure response with message: misbehaviour block: …\`, \`got response with status code 500 != 200\`, \`failed to
decode response: unexpected EOF\`, \`error applying json patch (RFC6902)\`, or for \`hang\` one of a timeout.`,
  failed: `The Machine's condition Updating is True with the reason \`InPlaceUpdateFailed\` and always the message
\`UpdateMachine hook failed: please check controller logs for errors\`; the reason is only in that log, as above.
The machine is not replaced: Cluster API retries after 1 s, then with a growing pause of up to 1000 s, indefinitely, and accepts the
first correct answer. Until then UpToDate is False, and a KubeadmControlPlane does not touch its other machines.`,
  late: 'The same as without the misbehaviour, only later: the answer comes within the limit. Other reconciles of the same object wait.',
  over: `The update counts as finished: the annotations are removed, Updating becomes False with the reason
\`NotUpdating\`, and the hook is not called again. UpToDate stays False with the reason \`Updating\` and the message
\`Node.status.nodeInfo.kubeletVersion v…, v… required\`, permanently. Nothing else shows the problem. A
KubeadmControlPlane compares only the Machine's spec, considers the machine updated and continues with the next one.`,
  waits: `Updating stays True with the reason \`InPlaceUpdating\` and the message \`In-place update in progress:
misbehaviour never-done: at v…\`, and the hook is called every 10 s, indefinitely: Cluster API has no time limit. UpToDate
stays False. A KubeadmControlPlane does not touch its other machines, and a MachineDeployment counts the machine as unavailable.`,
  gone: `The current call and every call until the service is back fail with a transport error: as *failed* for UpdateMachine, as *stall* for
CanUpdate, for all clusters that the service serves. Something has to start the service again, as a Deployment does. The new process
observes the machine and continues, and the condition has the reason \`InPlaceUpdating\` again.`,
  undiscovered: `The ExtensionConfig's condition Discovered is False with the reason \`NotDiscovered\` and the message in
it; handlers that were discovered before are still called. A core manager that starts during this time retries for 60 s and exits, so none
of its clusters are reconciled. The KubeadmControlPlane manager exits too, because it requires Discovered=True.`,
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
    'Whose patch is left out. A change that does not touch this object is made in place as usual. The infrastructure machine is never covered, so `infrastructure` has no effect.',
  hook: '`can-update` is both CanUpdate hooks.',
  status: 'The HTTP status.',
  step: 'A step of the plan. A machine whose plan lacks the step is upgraded as usual: a worker has no static pods, and without files there is no step `files`. A machine at the target is not touched. Simulated steps never misbehave.',
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

Misbehaviours test what Cluster API does when an updater is wrong, slow or gone. [How to test a fallback path](../how-to/test-fallback.md)
shows how to use them.

They are off unless the service was started with \`UPGRADER_FAULTS=allow\`: a call that requests one is answered with a Failure
(\`FAULTS_NOT_ALLOWED\`). When they are allowed, a line in the log at the start reports it and the gauge
\`capd_kubeadm_upgrader_faults_allowed\` is 1. Each misbehaviour is a warning in the log with its name. Its message, if it has one,
begins with \`misbehaviour <name>:\`.

## How to request one

In \`spec.settings\` of the ExtensionConfig, which Cluster API sends with every call but discovery:

\`\`\`yaml
apiVersion: runtime.cluster.x-k8s.io/v1beta2
kind: ExtensionConfig
spec:
  settings:
    fault: none                             # for every machine of every cluster
    fault/default/c1: fail-at:kubeadm:2     # for the cluster c1 in the namespace default
\`\`\`

The key of a machine's own cluster takes precedence over \`fault\`; it has no effect on other clusters. No request contains the Cluster, so
the service matches the namespace of the Machine or MachineSet and its label \`cluster.x-k8s.io/cluster-name\`, or else
\`spec.clusterName\`. With a value that is not in the table, the calls that it applies to fail with \`SETTING_VALUE\`, name the key and
start nothing.

A setting takes effect at the next call, and in an upgrade in progress when the machine is observed next. **Cluster API calls
CanUpdateMachineSet only once in 24 hours for a pair of MachineSets**, whatever the answer was, unless it was an error. A changed setting
has no effect there until the MachineDeployment has another template or the core manager restarts.

Discovery carries no settings: request \`discovery-fails\` with \`UPGRADER_FAULTS=discovery-fails\`, which allows all
others as well.

## The misbehaviours

${table(['Value', 'Where', 'What the service does', 'What Cluster API then does'], rows)}

${table(['', 'One of', 'If left out', 'Meaning'], given)}

The machine's record (\`attempt.json\`) counts how often a step has misbehaved, before it does, so a restart and a second replica continue
the count. Each name, step and request has its own count: another version or other files start from zero. After a step has
failed, the upgrade rests for 10 s, then for 20 s, and for an hour from the third equal failure on, as after any failure.
\`crash-at:<step>\` is one crash, not one for each start, so a Deployment recovers from it. With \`always\` it is a crash loop, which ends
when the setting is removed.

**start and sync** accept \`fault\` in their \`settings\`. Only misbehaviours of steps have an effect there, because the others are answers of hooks. Keys of
clusters are unknown to them, because their requests name no namespace.

## What Cluster API then does

${Object.entries(consequences)
  .map(([name, text]) => `- *${name}*: ${text.replaceAll('\n', '\n  ')}`)
  .join('\n')}
`
}
