import type { Observation } from '../machine/observation.ts'

/** kubeadm's static pods that have the version of Kubernetes. */
const kubernetesPods = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const

type PodObservation = Pick<Observation, 'manifests' | 'pods' | 'hasEtcdData'>

/** A static pod of kubeadm and the image in its manifest. */
interface KubeadmPod {
  name: string
  image: string
}

/** The static pods of kubeadm whose manifest is missing. etcd is expected where the machine has data of etcd. */
export function missingManifests({ manifests, hasEtcdData }: PodObservation): string[] {
  const expected = hasEtcdData ? [...kubernetesPods, 'etcd'] : kubernetesPods
  return expected.filter((name) => !manifests.has(name))
}

/**
 * The versions in the manifests of kubeadm's static pods. Other static pods, such as kube-vip, belong to the user and
 * have other versions. Empty on a worker.
 */
export function manifestVersions({ manifests }: Pick<Observation, 'manifests'>): string[] {
  return kubernetesPods.flatMap((name) => {
    const image = manifests.get(name)?.image
    return image === undefined ? [] : tagOf(image)
  })
}

/**
 * What kubeadm's static pods need to be at the target, or undefined when they are. Every manifest has to be at the
 * target, and its image has to run in a container, without containers of other versions of it. etcd counts only where
 * it has a manifest.
 */
export function staticPodsWaitFor(observed: PodObservation, target: string): string | undefined {
  for (const name of kubernetesPods) {
    const image = observed.manifests.get(name)?.image
    if (image === undefined || tagOf(image) !== target) return `the manifest of ${name} at ${target}`
  }
  if (!observed.pods) return 'containerd to answer'
  for (const { name, image } of kubeadmPods(observed)) {
    if (containersOf(observed, image) === undefined) return `${name} to run ${tagOf(image)}`
  }
  return undefined
}

/** The age in seconds of the youngest container of kubeadm's static pods; undefined where one is not running. */
export function youngestStaticPod(observed: PodObservation): number | undefined {
  let youngest = Number.POSITIVE_INFINITY
  for (const { image } of kubeadmPods(observed)) {
    const containers = containersOf(observed, image)
    if (!containers) return undefined
    for (const { ageSeconds } of containers) youngest = Math.min(youngest, ageSeconds)
  }
  return youngest
}

function kubeadmPods({ manifests }: PodObservation): KubeadmPod[] {
  return [...kubernetesPods, 'etcd'].flatMap((name) => {
    const image = manifests.get(name)?.image
    return image === undefined ? [] : { name, image }
  })
}

// The containers that run the image, under any of its names; undefined where there is none, or where a container of
// another version is running.
function containersOf({ pods }: PodObservation, image: string) {
  if (!pods) return undefined
  const digestOf = (name: string) => pods.digests.get(name) ?? name.split('@')[1] ?? name
  const digest = digestOf(image)
  const names = [...pods.digests.keys()].filter((name) => digestOf(name) === digest)
  const repositories = new Set([image, ...names].filter(hasTag).map(repositoryOf))
  const same = pods.containers.filter((container) => digestOf(container.image) === digest)
  const others = pods.containers.filter(
    (container) => digestOf(container.image) !== digest && repositories.has(repositoryOf(container.image)),
  )
  return same.length > 0 && others.length === 0 ? same : undefined
}

/** The tag of an image reference, which may have a digest. */
export function tagOf(image: string): string {
  const [name = ''] = image.split('@')
  return name.slice(name.lastIndexOf(':') + 1)
}

// False for the names that `ctr images import --digests` creates, "import-<date>@<digest>". Different images share the
// part before the digest.
function hasTag(image: string): boolean {
  const [name = ''] = image.split('@')
  return /:[^:/]+$/.test(name)
}

// kind's node images have two names for each image of Kubernetes, one of them with the architecture. containerd lists a
// container with the name that sorts first.
const architecture = /-(amd64|arm|arm64|ppc64le|riscv64|s390x)$/

function repositoryOf(image: string): string {
  const [name = ''] = image.split('@')
  return name.replace(/:[^:/]*$/, '').replace(architecture, '')
}
