import { filesClaim } from '../claims.ts'
import type { Field } from './field.ts'
import { changedByCommands } from './objections.ts'

const notRun = 'CAPD carries out only files and commands, so a new machine has none of it either'
const past = 'What the commands have made stays in the machine; they are never run again'

/** The fields of a KubeadmConfig that are the bootstrap provider's own. */
export const bootstrap: readonly Field[] = [
  {
    path: 'files',
    below: [
      'path',
      'owner',
      'permissions',
      'encoding',
      'append',
      'content',
      'contentFrom',
      'contentFrom.secret',
      'contentFrom.secret.name',
      'contentFrom.secret.key',
      'contentFormat',
    ].map((name) => `[].${name}`),
    isOpen: true,
    kept: 'Entries that are never written are left alone, and so is a file that was changed since (step files)',
    claim: filesClaim,
  },
  {
    path: 'diskSetup',
    below: [
      'partitions',
      ...['device', 'layout', 'overwrite', 'tableType', 'diskLayout'].map((name) => `partitions[].${name}`),
      ...['percentage', 'partitionType'].map((name) => `partitions[].diskLayout[].${name}`),
      'filesystems',
      ...['device', 'filesystem', 'label', 'partition', 'overwrite', 'replaceFS', 'extraOpts'].map(
        (name) => `filesystems[].${name}`,
      ),
    ],
    kept: notRun,
  },
  { path: 'mounts', kept: notRun },
  { path: 'bootCommands', kept: notRun },
  { path: 'preKubeadmCommands', kept: past },
  { path: 'postKubeadmCommands', kept: past, objection: changedByCommands },
  {
    path: 'users',
    below: [
      'name',
      'gecos',
      'groups',
      'homeDir',
      'inactive',
      'shell',
      'passwd',
      'passwdFrom',
      'passwdFrom.secret',
      'passwdFrom.secret.name',
      'passwdFrom.secret.key',
      'primaryGroup',
      'lockPassword',
      'sudo',
      'sshAuthorizedKeys',
    ].map((name) => `[].${name}`),
    kept: notRun,
  },
  { path: 'ntp', below: ['servers', 'enabled'], kept: notRun },
  { path: 'format', kept: 'Nothing is bootstrapped again; files are written only where it is cloud-config' },
  { path: 'verbosity', kept: 'Read at bootstrap only, which is over' },
  {
    path: 'ignition',
    below: ['containerLinuxConfig', 'containerLinuxConfig.additionalConfig', 'containerLinuxConfig.strict'],
    kept: 'Read at bootstrap only, which is over',
  },
]
