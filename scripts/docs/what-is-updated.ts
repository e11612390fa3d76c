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

Cluster API asks before it updates a machine, and updates in place only when every difference is covered. One difference
that is not covered is enough: then the machine is replaced, as without this service. A change is never half made. The
setting \`changes\` narrows what is covered to the version, or to files.

${table(['Object', 'Field', 'Machines', 'Why'], rows)}

In templates the fields stand below \`spec.template.spec\`. Only machines of the Docker provider are looked at:
DockerMachine, and DevMachine with the docker backend. Machines of the in-memory backend and of other providers get no
opinion, so that another updater may have one. The same holds for machines that another bootstrap provider than kubeadm
has made: their bootstrap object is no KubeadmConfig.

## Machines that are nothing but objects

Cluster API's own tests have many machines of CAPD's in-memory backend, which cost nothing because there is nothing
behind them. With the setting \`inMemory: simulate\` their **files** are decided as below, except that no place is closed.
The update then walks the names of the steps, about a second for each, and does nothing; every message begins with
\`simulated: \`. What is done is remembered by the process alone: after its restart, or at a second replica, a walk begins
anew. A **version** is not covered: CAPD gives such a Node its version when it makes it, and never again, so the Machine
would never be up to date. In a namespace only one extension may answer: Cluster API's test extension must not match it.

## How far one step may go

${steps.join('\n')}

A worker waits until every API server is at its version. Under a managed topology it may be asked earlier: Cluster API begins
the workers when the last control plane Node names the version, while that machine is still being checked.

A version never goes down. Both sides must be names of releases, such as v1.35.4 or v1.36.0-rc.1.

## Files

**Nothing is restarted because of a file, and commands are never run again.** What reads a file once, at its start, has
the old one until it starts again; so does a container that has the very file mounted.

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

A command mentions a file when it contains the path of the file, the path of a directory above the file (but not the
root), the beginning of the path before a \`*\`, \`$\` or another expansion, or the name of the file behind a variable or a
relative directory. All lists of commands count: \`bootCommands\`, \`preKubeadmCommands\` and \`postKubeadmCommands\`. So
do scripts among the files, those that begin with \`#!\`, when a command mentions the script. Commands run at bootstrap and
may fill a file in, so such a file is never written, also when only the version changes.

Each entry is decided by itself. An entry that is removed, or moved in the list, is not covered. Entries that are never
written in place may stand in the list, unchanged: they are left alone.

When a machine is updated, the files are written after the images are there and before kubeadm runs. A file is written
when it is not the one that was seen in place last. A file that was changed in the machine since is left alone; without
a first look at it, it is written when it differs. [What changes](what-changes.md) says what is kept.

## Settings of static pods

Arguments, environment and volumes of the API server, the controller manager, the scheduler and local etcd that are added,
or change, are applied on control plane machines, at the same version or together with a new one. Cluster API writes them into
kubeadm-config first, and the machine waits until they are there. kubeadm renders the manifests from it, only static pods whose
manifest differs are exchanged, and the others keep their containers; the kubelet is restarted. The update is done
when the running processes have the arguments, the environment and the mounts of their manifests. A static pod that
does not get healthy gives way to the one from before: one that ends, and one that does not answer where the kubelet asks it.

Not covered are an entry that is taken away, a variable whose \`valueFrom\` becomes another one, arguments of etcd that make
another member of it (such as \`data-dir\` and \`initial-cluster\`), machines with kubeadm's patches or the feature gate
RootlessControlPlane, versions before v1.31, and the setting \`exchange: one-by-one\`. Names of certificates (\`certSANs\`,
\`serverCertSANs\`, \`peerCertSANs\`) are not covered either: kubeadm renews a certificate with the names that it has.

## kubeadm's patches

kubeadm remembers no patches, so each update gives it the directory again: \`joinConfiguration.patches.directory\`, and on
a control plane machine also \`initConfiguration.patches.directory\`. The update fails before kubeadm starts when the
directory is missing in the machine. Files in the directory are not written in place, because they take effect only when
kubeadm runs.

## Every field, and what becomes of it

An update in place is accepted only when nothing is lost by it. So the whole desired KubeadmConfig is read, not only what
differs: a value in it that an update would lose, or could not finish with, declines every change, and the machine is
replaced. A field of a KubeadmConfig that is not in these tables declines, too: a newer Cluster API may have fields that
this version of the service does not know. The fields are those of Cluster API v1.14.2. On machines that are not named a
field has no effect.

${fieldTables()}

## Shapes of clusters and machines

Refused means: the requests of Cluster API do not show it, so the update is accepted, and UpdateMachine fails with this
error before anything in the machine changes.

${shapeTable()}

## What is not updated in place

- \`customImage\` of DevMachine and DockerMachine, and all else of the infrastructure machine: CAPD forbids the change of
  an image, and a machine that was accepted with it would never get done. Use templates whose image does not depend on
  the version.
- \`failureDomain\`: a container cannot be moved.
- All of a KubeadmConfig but its files and the one gate above: the tables say so field by field.
- Adding or removing an empty object (\`{}\`): Cluster API compares the raw JSON.
- Objects that are nested more than 100 levels deep, or that differ in more than 1,000 places: they are not compared.

## Availability

The answer to Cluster API has \`affectsAvailability\`: false when only files change and all of them are covered, else true.
Cluster API reads it from v1.15 on, and older versions ignore it. With false it needs no other machine meanwhile: it updates
in place with one replica, with \`maxSurge: 1\` and with \`maxUnavailable: 0\` too. Not tried with a real v1.15.

## When Cluster API does not ask

This is decided before this service is called; nothing here can change it.

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
    : 'any version that no API server of the cluster is older than'
  return `within the same minor version, or ${more}.`
}
