/** The API version of all hooks. Source: CAPI v1.14.2 api/runtime/hooks/v1alpha1. */
export const apiVersion = 'hooks.runtime.cluster.x-k8s.io/v1alpha1'

/** The path of discovery. Source: CAPI v1.14.2 api/runtime/catalog/catalog.go (GVHToPath). */
export const discoveryPath = `/${apiVersion}/discovery`

/**
 * The hooks that this extension serves. `hook` is Cluster API's name, and `name` is the name of the handler, a DNS
 * label. `timeoutSeconds` is Cluster API's default.
 */
export const hooks = {
  canUpdateMachine: { hook: 'CanUpdateMachine', name: 'can-update-machine', timeoutSeconds: 10 },
  canUpdateMachineSet: { hook: 'CanUpdateMachineSet', name: 'can-update-machineset', timeoutSeconds: 10 },
  updateMachine: { hook: 'UpdateMachine', name: 'update-machine', timeoutSeconds: 10 },
} as const

type Hook = (typeof hooks)[keyof typeof hooks]

/**
 * The path of a hook: its name in lower case, then the name of the handler.
 * Source: CAPI v1.14.2 internal/runtime/client/client.go (urlForExtension).
 */
export function pathOf({ hook, name }: Hook): string {
  return `/${apiVersion}/${hook.toLowerCase()}/${name}`
}
