// The hooks this extension serves, as Cluster API names them.
// Source: CAPI v1.14.2 api/runtime/catalog/catalog.go (GVHToPath) and api/runtime/hooks/v1alpha1.
export const apiVersion = 'hooks.runtime.cluster.x-k8s.io/v1alpha1'

export const discoveryPath = `/${apiVersion}/discovery`

// `name` is the handler name that discovery gives (a DNS label); `hook` is CAPI's exact Go name.
// The time limit is CAPI's default; every handler here answers within one second.
export const hooks = {
  canUpdateMachine: { hook: 'CanUpdateMachine', name: 'can-update-machine', timeoutSeconds: 10 },
  canUpdateMachineSet: { hook: 'CanUpdateMachineSet', name: 'can-update-machineset', timeoutSeconds: 10 },
  updateMachine: { hook: 'UpdateMachine', name: 'update-machine', timeoutSeconds: 10 },
} as const

type Hook = (typeof hooks)[keyof typeof hooks]

// The path that CAPI calls: the hook in lower case, then the handler's name (urlForExtension in
// internal/runtime/client/client.go).
export function pathOf({ hook, name }: Hook): string {
  return `/${apiVersion}/${hook.toLowerCase()}/${name}`
}
