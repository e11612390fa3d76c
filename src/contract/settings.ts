import Type, { type Static } from 'typebox'
import Value from 'typebox/value'
import { UpgradeError } from '../errors/upgrade-error.ts'
import { documented } from './documented.ts'

/**
 * The settings in spec.settings of an ExtensionConfig and in start and sync. docs/reference/configuration.md is
 * generated from it.
 */
export const settings = {
  addons: documented(Type.Enum(['kcp', 'kubeadm']), {
    default: 'kcp',
    description:
      'Who upgrades kube-proxy and CoreDNS: the KubeadmControlPlane controller, or (in a cluster without one) kubeadm on the last control plane machine.',
  }),
  changes: documented(Type.Enum(['all', 'version', 'files']), {
    default: 'all',
    description:
      'The changes that are updated in place: all that are covered, only the version, or only files of the KubeadmConfig. Other changes are left to a rollout or another updater.',
  }),
  disableInPlaceUpdates: documented(Type.Enum(['false', 'true']), {
    default: 'false',
    description:
      "true declines every change and fails updates that were accepted before but not started. An update that has started in the machine is completed. Cluster API's own test uses this setting.",
  }),
  exchange: documented(Type.Enum(['together', 'one-by-one']), {
    default: 'together',
    description:
      'How the static pods of a control plane machine are upgraded. together: all at once with the kubelet, after the machine was drained at the load balancer. one-by-one: one after the other, by kubeadm. Machines whose manifests cannot be rendered beforehand are always upgraded one by one.',
  }),
  inMemory: documented(Type.Enum(['no-opinion', 'simulate']), {
    default: 'no-opinion',
    description:
      "How machines of CAPD's in-memory backend are handled. no-opinion: every change of them is declined. simulate, for tests of Cluster API: changes of version and files are accepted, and an update only reports the steps. Its messages begin with `simulated: `.",
  }),
  loadBalancer: documented(Type.Enum(['drain', 'leave']), {
    default: 'drain',
    description:
      "What happens at the cluster's load balancer while the static pods of a control plane machine are exchanged together. drain: the machine gets no new connections, if the load balancer has the stats page that Cluster API's Docker provider configures and another machine is up. leave: nothing is changed.",
  }),
}

/**
 * Settings that Cluster API's own test sets for other hooks of its extension. Any value is accepted, without effect.
 * Source: CAPI v1.14.2 test/e2e/cluster_upgrade_runtimesdk.go (extensionConfig).
 */
export const ignoredSettings: readonly string[] = ['defaultAllHandlersToBlocking', 'extensionConfigName']

const Settings = Type.Object({
  ...settings,
  // Fault injection for tests. src/faults parses it.
  fault: Type.String({ default: 'none' }),
})

/** The settings of one call, with defaults. */
export type Settings = Static<typeof Settings>

/** Validates the settings of one call and adds defaults. Throws SETTING_UNKNOWN or SETTING_VALUE. */
export function readSettings({ fault, ...given }: Record<string, string> = {}): Settings {
  const known: Record<string, string> = fault === undefined ? {} : { fault }
  for (const [key, value] of Object.entries(given)) {
    if (ignoredSettings.includes(key)) continue
    if (!isSetting(key)) throw new UpgradeError('SETTING_UNKNOWN', { key })
    const schema = settings[key]
    if (!Value.Check(schema, value)) throw new UpgradeError('SETTING_VALUE', { key, allowed: schema.enum.join(', ') })
    known[key] = value
  }
  return Value.Default(Settings, known) as Settings
}

/**
 * Reads the settings in the record of a machine. Another version of this service, or anyone with root in the machine,
 * may have written it, so invalid settings are ignored.
 */
export function keptSettings(kept: Record<string, string>): Settings {
  const allowed = Object.entries(kept).filter(
    ([key, value]) => key === 'fault' || (isSetting(key) && Value.Check(settings[key], value)),
  )
  return readSettings(Object.fromEntries(allowed))
}

function isSetting(key: string): key is keyof typeof settings {
  return Object.hasOwn(settings, key)
}
