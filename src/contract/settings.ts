import Type, { type Static } from 'typebox'
import Value from 'typebox/value'
import { UpgradeError } from '../errors/upgrade-error.ts'
import { documented } from './documented.ts'

/** What spec.settings of an ExtensionConfig may hold, and the settings of start. docs/configuration.md is made from it. */
export const settings = {
  addons: documented(Type.Enum(['kcp', 'kubeadm']), {
    default: 'kcp',
    description:
      'Who upgrades kube-proxy and CoreDNS: the KubeadmControlPlane controller, or (in a cluster without one) kubeadm on the last control plane machine.',
  }),
  changes: documented(Type.Enum(['all', 'version', 'files']), {
    default: 'all',
    description:
      'What is updated in place: all that is covered, or only the version, or only files of the KubeadmConfig. Other changes are left to a rollout, or to another updater.',
  }),
  disableInPlaceUpdates: documented(Type.Enum(['false', 'true']), {
    default: 'false',
    description:
      "true declines every change, and fails the update of a machine whose update was promised before; one that has begun in the machine is seen to its end. A setting of Cluster API's own test.",
  }),
  exchange: documented(Type.Enum(['together', 'one-by-one']), {
    default: 'together',
    description:
      "How the static pods of a control plane machine get to the new version: all at once, together with the kubelet, after the machine was taken out of the load balancer; or one after the other, as kubeadm does it. A machine whose manifests cannot be rendered beforehand takes kubeadm's way.",
  }),
  inMemory: documented(Type.Enum(['no-opinion', 'simulate']), {
    default: 'no-opinion',
    description:
      "What becomes of machines of CAPD's in-memory backend. simulate, for tests of Cluster API: changes of their files are covered, and an update is a walk in name only, whose messages all begin with `simulated: `.",
  }),
  loadBalancer: documented(Type.Enum(['drain', 'leave']), {
    default: 'drain',
    description:
      "What becomes of a control plane machine at the cluster's load balancer while its static pods are exchanged together: it gets no new connections, where the load balancer has the page with which Cluster API's Docker provider makes it and another machine is up; or nothing is changed there.",
  }),
}

/**
 * What Cluster API's own test sets for the other hooks of its extension: any text, and without effect here.
 * Source: CAPI v1.14.2 test/e2e/cluster_upgrade_runtimesdk.go (extensionConfig).
 */
export const ignoredSettings: readonly string[] = ['defaultAllHandlersToBlocking', 'extensionConfigName']

const Settings = Type.Object({
  ...settings,
  // Fault injection for tests, which src/faults reads and checks; `none` is none.
  fault: Type.String({ default: 'none' }),
})

/** The settings of one call, complete. */
export type Settings = Static<typeof Settings>

/**
 * The settings of one call, with defaults for what is not given. Throws SETTING_UNKNOWN or SETTING_VALUE. It must not
 * be discovery that fails: discovery carries no settings, and Cluster API's manager exits when it fails for 60 s.
 */
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
 * The settings that a machine's record keeps. Another version of this program may have written it, or anyone with root in
 * the machine: what is not allowed counts as not given.
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
