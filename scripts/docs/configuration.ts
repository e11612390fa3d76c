import { variables } from '../../src/config/environment.ts'
import { ignoredSettings, settings } from '../../src/contract/settings.ts'
import { heading, table } from './table.ts'

/** The page about the environment and the settings of the service. */
export function configurationPage(): string {
  const environment = Object.entries(variables).map(([name, { default: usual, description }]) => [
    `\`${name}\``,
    usual === '' ? '' : `\`${usual}\``,
    description,
  ])
  const perCall = Object.entries(settings).map(([key, { enum: values, default: usual, description }]) => [
    `\`${key}\``,
    values.map((value) => `\`${value}\``).join(', '),
    `\`${usual}\``,
    description,
  ])
  const ignored = [
    ignoredSettings.map((key) => `\`${key}\``).join(', '),
    'any text',
    '',
    "No effect: settings of Cluster API's own test for hooks that are not served here.",
  ]
  const fault = [
    '`fault`, `fault/<namespace>/<cluster>`',
    'see docs/misbehaviours.md',
    '`none`',
    'Misbehaviour for tests, for all machines or for those of one cluster. Refused unless the service was started with UPGRADER_FAULTS=allow.',
  ]
  return `${heading('Configuration', 'src/config/environment.ts and src/contract/settings.ts')}

## Environment

Read once, at the start; the certificate files and the client CA again every 5 seconds. A value that is wrong, or a variable
that starts with \`UPGRADER_\` and is not in this table, ends the service with exit code 2, and all faults are named at
once.

${table(['Variable', 'Default', 'Meaning'], environment)}

## Settings

They come with each call: from \`spec.settings\` of the ExtensionConfig, or in the body of start and sync. All values are
strings. A wrong one makes that call fail, naming the key, and starts nothing; discovery carries no settings and never
fails for them. The verdict on a MachineSet is kept by Cluster API for 24 hours, so a changed setting has no effect on a
pair of MachineSets that was asked about before.

${table(['Setting', 'Values', 'Default', 'Meaning'], [...perCall, ignored, fault])}
`
}
