import { UpgradeError } from '../errors/upgrade-error.ts'

// What an ExtensionConfig may say in spec.settings; start takes the same. docs/configuration.md has this table.
export const settings = {
  addons: {
    values: ['kcp', 'kubeadm'],
    default: 'kcp',
    meaning:
      'Who upgrades kube-proxy and CoreDNS: the KubeadmControlPlane controller, or (in a cluster without one) kubeadm on the last control plane machine.',
  },
  changes: {
    values: ['all', 'version', 'files'],
    default: 'all',
    meaning:
      'What is updated in place: all that is covered, or only the version, or only files of the KubeadmConfig. Other changes are left to a rollout, or to another updater.',
  },
  inMemory: {
    values: ['no-opinion', 'simulate'],
    default: 'no-opinion',
    meaning:
      "What becomes of machines of CAPD's in-memory backend. simulate, for tests of Cluster API: changes of their files are covered, and an update is a walk in name only, whose messages all begin with `simulated: `.",
  },
} as const

export interface Settings {
  addons: (typeof settings.addons.values)[number]
  changes: (typeof settings.changes.values)[number]
  inMemory: (typeof settings.inMemory.values)[number]
  // Misbehaviour for tests, as src/faults reads it; `none` is none.
  fault: string
}

// Reads the settings of one call. Throws SETTING_UNKNOWN or SETTING_VALUE; it must not be discovery that
// fails, because discovery carries no settings and CAPI's manager exits when it fails for 60 s.
export function readSettings({ fault = 'none', ...given }: Record<string, string> = {}): Settings {
  const usual = Object.entries(settings).map(([key, entry]) => [key, entry.default])
  const read: Record<string, string> = { ...Object.fromEntries(usual), fault }
  for (const [key, value] of Object.entries(given)) {
    if (!Object.hasOwn(settings, key)) throw new UpgradeError('SETTING_UNKNOWN', { key })
    const allowed: readonly string[] = settings[key as keyof typeof settings].values
    if (!allowed.includes(value)) throw new UpgradeError('SETTING_VALUE', { key, allowed: allowed.join(', ') })
    read[key] = value
  }
  return read as unknown as Settings
}
