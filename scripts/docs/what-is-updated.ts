import { claims } from '../../src/decide/fields/table.ts'
import { mostFiles } from '../../src/kubernetes/desired-files.ts'
import { closedPlaces, knownDirectories } from '../../src/kubernetes/file-places.ts'
import { minorsUp, type Role } from '../../src/kubernetes/versions.ts'
import { fieldTables, roleNames, shapeTable } from './fields.ts'
import { heading, table } from './table.ts'

const objects = { machine: 'Machine', bootstrapConfig: 'KubeadmConfig' }

/** The page about which changes are made in place, with every field of Cluster API's objects. */
export function whatIsUpdatedPage(): string {
  const rows = claims.map(({ object, path, roles, reason }) => [
    objects[object],
    `\`spec.${path.join('.')}\``,
    roles.map((role) => roleNames[role]).join(', '),
    reason,
  ])
  const steps = Object.entries(minorsUp).map(([role, minors]) => `- ${roleNames[role as Role]}: ${describe(minors)}`)
  return `${heading('What is updated in place', 'src/decide/ and src/kubernetes/')}

Cluster API calls the service before it updates a machine, and updates in place only when every difference is covered. If one
difference is not covered, the machine is replaced, as without this service. A change is never made in part. The setting \`changes\`
limits what is covered to the version, or to files. [How it decides](../explanation/decide.md) explains the rule behind this page.

${table(['Object', 'Field', 'Machines', 'Why'], rows)}

In templates the fields are below \`spec.template.spec\`. The service handles machines of the Docker provider only: DockerMachine, and
DevMachine with the docker backend. Machines of the in-memory backend and of other providers get no opinion, so that another
updater may have one. Neither do machines whose bootstrap object is not a KubeadmConfig.

## In-memory machines

Cluster API's own tests use machines of CAPD's in-memory backend, which are objects without a container. With the setting
\`inMemory: simulate\`, their **files** are decided as below, except that no place is closed. The update reports
the steps, about one a second, and does nothing. Every message begins with \`simulated: \`. Only the process remembers the
progress: after a restart, or on a second replica, the update starts over. A **version** is not covered: CAPD sets the version of
such a Node when it creates it and never again, so the Machine would never be up to date. Only one extension may answer in a
namespace: Cluster API's test extension must not match it.

## Versions

${steps.join('\n')}

A worker waits until every API server is at its version. In a managed topology the update may be requested earlier: Cluster API starts
the workers when the last control plane Node has the version, while that machine is still being verified.

A version never goes down. Both sides must be names of releases, such as v1.35.4 or v1.36.0-rc.1.

## Files

**Nothing is restarted because of a file, and commands are never run again.** A program that reads a file only when it starts uses the
old content until its next start. So does a container that has this file mounted.

An entry of \`files\` is written in place when it is new, or changes in \`content\`, \`encoding\`, \`owner\` or
\`permissions\`, and when

- its content is inline: no \`contentFrom\`, no \`append\`, and \`contentFormat\` absent or Raw;
- its content is what a new machine would get: base64, or text that the bootstrap data can carry. The file of a text
  ends in one newline, as on a new machine. \`gzip\` and \`gzip+base64\` are not covered, since CAPD does not unpack
  them;
- its path is absolute, without \`.\`, \`..\`, doubled slashes, spaces and shell characters. Its name has at most 232
  bytes and its path about 4,000, because a file is written under a longer name first;
- no other entry has its path, or a path above or below it;
- its owner is a user, or user:group, and its permissions are three or four octal digits;
- the KubeadmConfig's format is cloud-config, and the list has at most ${mostFiles} entries, as the KubeadmConfig's own
  schema demands;
- its path is neither a closed place nor below one, nor in a patches directory of \`initConfiguration\` or
  \`joinConfiguration\`, nor in the \`certificatesDir\` or etcd's \`dataDir\` of \`clusterConfiguration\`;
- its path is not a directory of every machine;
- no command of the KubeadmConfig mentions its path.

The closed places are ${names(closedPlaces)}.

Directories of every machine are all parents of closed places, and ${names(knownDirectories)}.

A command mentions a file if it contains the path of the file, the path of a directory above the file (but not the
root), the beginning of the path before a \`*\`, \`$\` or another expansion, or the name of the file behind a variable or a
relative directory. All lists of commands count: \`bootCommands\`, \`preKubeadmCommands\` and \`postKubeadmCommands\`. So
do scripts among the files, those that begin with \`#!\`, when a command mentions the script. Commands run at bootstrap and
may fill in a file, so such a file is never written, even when only the version changes.

Each entry is decided separately. Removing an entry or moving it in the list is not covered. Entries that are never written in place may
be in the list if they do not change: they are not touched.

The files are written after the images have arrived and before kubeadm runs. The machine records a digest of each file. A file is
written if its desired content differs from the digest, so a file that someone changed in the machine since is not touched. Without a
digest, the file is written if it differs on disk. [What an upgrade changes](what-changes.md) lists what is kept.

## Settings of static pods

Arguments, environment and volumes of the API server, the controller manager, the scheduler and local etcd that are added,
or change, are applied on control plane machines, at the same version or together with a new one. Cluster API writes them into
kubeadm-config first, and the machine waits until they are there. kubeadm renders the manifests from it, only static pods whose
manifest differs are exchanged, and the others keep their containers; the kubelet is restarted. The update is done
when the running processes have the arguments, the environment and the mounts of their manifests. A static pod that
does not get healthy gives way to the one from before: one that ends, and one whose liveness probe fails.

Not covered are an entry that is removed, another order of the values of one argument, a variable whose \`valueFrom\` becomes another one, arguments of etcd that make
another member of it (such as \`data-dir\` and \`initial-cluster\`), machines with kubeadm's patches or the feature gate
RootlessControlPlane, versions before v1.31, and the setting \`exchange: one-by-one\`. Names of certificates (\`certSANs\`,
\`serverCertSANs\`, \`peerCertSANs\`) are not covered either: kubeadm renews a certificate with the names that it has.

## kubeadm's patches

kubeadm does not remember patches, so each update passes the directory again: \`joinConfiguration.patches.directory\`, and on
a control plane machine also \`initConfiguration.patches.directory\`. The update fails before kubeadm starts when the
directory is missing in the machine. Files in the directory are not written in place, because they take effect only when
kubeadm runs.

## Every field, and what becomes of it

A change is accepted only when nothing is lost by updating in place. The service therefore reads the whole desired KubeadmConfig, not only the
differences: a value that an update would lose, or with which it could not end, declines every change, and the machine is replaced. A field
that is not in these tables declines too, because a newer Cluster API may have fields that this version of the service does not
know. The fields are those of Cluster API v1.14.2. A field has an effect only on the machines that its row names.

${fieldTables()}

## Shapes of clusters and machines

*Refused* means that Cluster API's requests do not show it. The update is accepted, and UpdateMachine fails with this error before
anything in the machine changes.

${shapeTable()}

## What is not updated in place

- \`customImage\` of DevMachine and DockerMachine, and every other field of the infrastructure machine: CAPD forbids changing an
  image, and a machine that was accepted with such a change would never be up to date. Use templates whose image does not depend on
  the version.
- \`failureDomain\`: a container cannot be moved.
- Every field of a KubeadmConfig except its files, the settings of static pods and the feature gate above, see the tables.
- Adding or removing an empty object (\`{}\`): Cluster API compares the raw JSON.
- Objects that are nested more than 100 levels deep, or that differ in more than 1,000 places: they are not compared.

## Availability

The answer has \`affectsAvailability\`: false when only files change and all of them are covered, else true. Cluster API reads it from
v1.15 on; older versions ignore it. With false, Cluster API needs no extra machine and updates in place also with one replica,
with \`maxSurge: 1\` and with \`maxUnavailable: 0\`. This never ran with a real v1.15, which is not released: \`npm run e2e -- upstream\`
and the tests play its choice after its source.

## When Cluster API makes no call

Cluster API decides these cases before it calls the service, and replaces the machine:

- A KubeadmControlPlane with one replica: a new machine comes first, then the old one goes.
- A KubeadmControlPlane whose new template has another \`customImage\`: its dry run is refused by CAPD. The ClusterClass
  of Cluster API's quick start derives \`customImage\` from the version, so with it every new version is a rollout.
- One machine of a KubeadmControlPlane with \`maxSurge: 1\`, and of a MachineDeployment with \`maxUnavailable: 0\`: a new
  machine comes first.
- A MachineDeployment with the strategy OnDelete.
- Machines that are marked for deletion or remediation, or whose \`rollout.before\` or \`rollout.after\` is due.
`
}

function names(paths: readonly string[]): string {
  return paths.map((path) => `\`${path}\``).join(', ')
}

function describe(minors: number): string {
  const more = Number.isFinite(minors)
    ? `up to ${minors} minor version higher; kubeadm cannot skip one`
    : 'up to the version of the oldest API server of the cluster'
  return `within the same minor version, or ${more}.`
}
