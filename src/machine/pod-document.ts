import { parseYaml } from './yaml.ts'

/** A variable of a container's environment. Without a value, the kubelet takes it from elsewhere (`valueFrom`). */
export interface Variable {
  name: string
  value: string | undefined
}

/** A mount of a container. `hostPath` is undefined for a volume that is not of the machine. */
export interface Mount {
  path: string
  readOnly: boolean
  hostPath: string | undefined
  /** The required type of `hostPath`, such as Directory; empty for any. */
  pathType: string
}

/** The first container in the manifest of a static pod. */
export interface Manifest {
  /** Undefined where it is not kubeadm's or not a readable Pod. */
  image: string | undefined
  /** The program and its arguments. */
  command: readonly string[]
  environment: readonly Variable[]
  mounts: readonly Mount[]
}

/** A process of a static pod's first container, as the kernel shows it. */
export interface Process {
  command: readonly string[]
  /** Each as name=value. */
  environment: ReadonlySet<string>
  /** The mounts, by their paths in the container. */
  mounts: ReadonlyMap<string, { readOnly: boolean }>
}

/** A manifest that exists and cannot be read. */
export const unknownManifest: Manifest = { image: undefined, command: [], environment: [], mounts: [] }

/** Reads a manifest. Anything but a readable Pod is `unknownManifest`. */
export function manifestIn(yaml: string): Manifest {
  try {
    const pod = Object(parseYaml(yaml)) as Record<string, unknown>
    const spec = Object(pod.spec) as Record<string, unknown>
    const [container] = recordsIn(spec.containers)
    if (typeof container?.image !== 'string') return unknownManifest
    return {
      image: container.image,
      command: [...textsIn(container.command), ...textsIn(container.args)],
      environment: recordsIn(container.env).map(({ name, value, valueFrom }) => ({
        name: String(name),
        value: valueFrom == null ? String(value ?? '') : undefined,
      })),
      mounts: mountsIn(container, spec),
    }
  } catch {
    return unknownManifest
  }
}

function mountsIn(container: Record<string, unknown>, spec: Record<string, unknown>): Mount[] {
  const volumes = new Map(recordsIn(spec.volumes).map((volume) => [volume.name, Object(volume.hostPath)]))
  return recordsIn(container.volumeMounts).map(({ name, mountPath, readOnly }) => {
    const { path: hostPath, type } = Object(volumes.get(name))
    return {
      path: String(mountPath),
      readOnly: readOnly === true,
      hostPath: typeof hostPath === 'string' ? hostPath : undefined,
      pathType: typeof type === 'string' ? type : '',
    }
  })
}

function recordsIn(list: unknown): Record<string, unknown>[] {
  return Array.isArray(list) ? list.map((entry) => Object(entry)) : []
}

function textsIn(list: unknown): string[] {
  return Array.isArray(list) ? list.map(String) : []
}

/** Reads the lines of observe.sh's processes: a static pod, and in base64 its command, environment and mountinfo. */
export function processesIn(text: string): Map<string, Process[]> {
  const found = new Map<string, Process[]>()
  for (const line of text.split('\n')) {
    const [pod = '', ...parts] = line.split(' ')
    const [command = '', environment = '', mounts = ''] = parts.map((part) => decode(part.slice(1)))
    if (parts.length !== 3) continue
    const process = {
      command: wordsIn(command),
      environment: new Set(wordsIn(environment)),
      mounts: mountPoints(mounts),
    }
    found.set(pod, [...(found.get(pod) ?? []), process])
  }
  return found
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString()
}

function wordsIn(text: string): string[] {
  return text === '' ? [] : text.replace(/\0$/, '').split('\0')
}

// The fifth field is the place, in which a space is \040, and the sixth its options. Source: proc(5).
function mountPoints(mountinfo: string): Map<string, { readOnly: boolean }> {
  const lines = mountinfo.split('\n').filter((line) => line !== '')
  return new Map(
    lines.map((line) => {
      const [, , , , place = '', options = ''] = line.split(' ')
      const path = place.replaceAll(/\\([0-7]{3})/g, (_, code) => String.fromCharCode(Number.parseInt(code, 8)))
      return [path, { readOnly: options.split(',').includes('ro') }]
    }),
  )
}
