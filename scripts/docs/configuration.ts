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
    'see docs/reference/misbehaviours.md',
    '`none`',
    'Misbehaviour for tests, for all machines or for those of one cluster. Refused unless the service was started with UPGRADER_FAULTS=allow.',
  ]
  return `${heading('Configuration', 'src/config/environment.ts and src/contract/settings.ts')}

## Environment

The service reads its environment once, when it starts, and the files of certificates and of the client CA again every 5 seconds. If a
value is invalid, or a variable starts with \`UPGRADER_\` and is not in this table, the service exits with code 2 and names every
such variable.

In a cluster: \`kubectl set env --namespace capd-kubeadm-upgrader-system deployment/capd-kubeadm-upgrader NAME=value\`.

${table(['Variable', 'Default', 'Meaning'], environment)}

## Settings

Settings come with each call: from \`spec.settings\` of the ExtensionConfig, or in the body of start and sync. All values are
strings. With an invalid setting, the call fails, names the key and starts nothing. Discovery carries no settings and cannot fail
because of them. Cluster API keeps the verdict on a pair of MachineSets for 24 hours, so a changed setting has no effect on a pair
that was decided before.

${table(['Setting', 'Values', 'Default', 'Meaning'], [...perCall, ignored, fault])}
`
}
