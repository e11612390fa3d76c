import { isDeepStrictEqual } from 'node:util'
import { valueAt } from '../kubernetes/json.ts'
import { componentPaths, nameIn, type PodSettings } from '../kubernetes/pod-settings.ts'
import type { Observation } from '../machine/observation.ts'
import type { Manifest, Mount, Process } from '../machine/pod-document.ts'

type Observed = Pick<Observation, 'manifests' | 'processes'>

/** The first of kubeadm's static pods whose manifest lacks one of these settings; undefined if there is none. */
export function podWithout({ lists }: PodSettings, { manifests }: Pick<Observed, 'manifests'>): string | undefined {
  for (const [pod, path] of componentPaths) {
    const manifest = manifests.get(pod)
    const list = (name: string) => lists.get([...path, name].join('.')) ?? []
    const lacks =
      manifest === undefined ||
      list('extraArgs').some((entry) => !hasArgument(manifest, entry, list('extraArgs'))) ||
      list('extraEnvs').some((entry) => !hasVariable(manifest, entry)) ||
      list('extraVolumes').some((entry) => !hasVolume(manifest, entry))
    if (lacks && [...lists.keys()].some((key) => key.startsWith(`${path.join('.')}.`))) return pod
  }
  return undefined
}

/**
 * The first of kubeadm's static pods without a process that has the arguments, the environment and the mounts of its
 * manifest; undefined if there is none.
 */
export function podNotAsItsManifest({ manifests, processes }: Observed): string | undefined {
  return [...componentPaths.keys()].find((pod) => {
    const manifest = manifests.get(pod)
    return manifest !== undefined && !(processes.get(pod) ?? []).some((process) => isOf(process, manifest))
  })
}

// All arguments of the name, in any order: only some patch releases of kubeadm keep the user's order.
// Source: kubernetes/kubernetes#135400 and its backports to v1.32 and later.
function hasArgument({ command }: Manifest, entry: unknown, list: readonly unknown[]): boolean {
  const prefix = `--${nameIn(entry)}=`
  const wanted = list
    .filter((other) => nameIn(other) === nameIn(entry))
    .map((other) => `${prefix}${valueAt(other, ['value']) ?? ''}`)
  const there = command.filter((argument) => argument.startsWith(prefix))
  return isDeepStrictEqual(there.toSorted(), wanted.toSorted())
}

function hasVariable({ environment }: Manifest, entry: unknown): boolean {
  const isFound = valueAt(entry, ['valueFrom']) !== undefined
  const value = isFound ? undefined : String(valueAt(entry, ['value']) ?? '')
  return environment.some((other) => other.name === nameIn(entry) && other.value === value)
}

function hasVolume({ mounts }: Manifest, entry: unknown): boolean {
  const wanted = {
    path: valueAt(entry, ['mountPath']),
    readOnly: valueAt(entry, ['readOnly']) === true,
    hostPath: valueAt(entry, ['hostPath']),
    pathType: valueAt(entry, ['pathType']) ?? '',
  }
  return mounts.some((mount) => isDeepStrictEqual(mount, wanted))
}

// The kubelet expands references that begin with a dollar sign, and takes the values of some variables from elsewhere.
// Source: kubernetes third_party/forked/golang/expansion ("$(NAME)" and "$$").
function isOf(process: Process, { command, environment, mounts }: Manifest): boolean {
  const isFilledIn = (text: string) => /\$[$(]/.test(text)
  return (
    process.command.length === command.length &&
    command.every((word, i) => isFilledIn(word) || process.command[i] === word) &&
    environment.every(
      ({ name, value }) => value === undefined || isFilledIn(value) || process.environment.has(`${name}=${value}`),
    ) &&
    mounts.every((mount) => isMounted(mount, process))
  )
}

// The kernel shows the path of a mount after links in the image were resolved: /var/run/kms is /run/kms in most images. So
// only the last element of the path is compared.
function isMounted({ path, readOnly }: Mount, { mounts }: Process): boolean {
  const lastOf = (place: string) => place.replace(/\/+$/, '').split('/').at(-1)
  return [...mounts].some(([place, mount]) => lastOf(place) === lastOf(path) && (mount.readOnly || !readOnly))
}
