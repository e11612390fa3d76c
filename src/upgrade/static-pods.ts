import type { Observation } from '../machine/observation.ts'

/** kubeadm's own static pods at the version of Kubernetes, in every control plane machine. */
const kubernetesPods = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const

type Observed = Pick<Observation, 'manifests' | 'pods' | 'hasEtcdData'>

/** A static pod of kubeadm's that has a manifest here, and the image that the manifest names. */
interface OwnPod {
  name: string
  image: string
}

/** The static pods of kubeadm's whose manifest is missing. etcd counts where it has data here. */
export function missingManifests({ manifests, hasEtcdData }: Observed): string[] {
  const expected = hasEtcdData ? [...kubernetesPods, 'etcd'] : kubernetesPods
  return expected.filter((name) => !manifests.has(name))
}

/**
 * The versions that the manifests of kubeadm's own static pods name. All other static pods, such as kube-vip, are the
 * user's and have versions of their own. Empty on a worker.
 */
export function manifestVersions({ manifests }: Pick<Observation, 'manifests'>): string[] {
  return kubernetesPods.flatMap((name) => {
    const image = manifests.get(name)?.image
    return image === undefined ? [] : tagOf(image)
  })
}

/**
 * What kubeadm's own static pods still need: manifests at the target, and of each manifest's image a container that
 * runs, with none of another version of it next to it. etcd counts only where its manifest is there. Undefined when
 * they need nothing.
 */
export function staticPodsWaitFor(observed: Observed, target: string): string | undefined {
  for (const name of kubernetesPods) {
    const image = observed.manifests.get(name)?.image
    if (image === undefined || tagOf(image) !== target) return `the manifest of ${name} at ${target}`
  }
  if (!observed.pods) return 'containerd to answer'
  for (const { name, image } of ownPods(observed)) {
    if (containersOf(observed, image) === undefined) return `${name} to run ${tagOf(image)}`
  }
  return undefined
}

/** Seconds for which the youngest container of kubeadm's own static pods has run; undefined where one does not run. */
export function youngestStaticPod(observed: Observed): number | undefined {
  let youngest = Number.POSITIVE_INFINITY
  for (const { image } of ownPods(observed)) {
    const containers = containersOf(observed, image)
    if (!containers) return undefined
    for (const { ageSeconds } of containers) youngest = Math.min(youngest, ageSeconds)
  }
  return youngest
}

function ownPods({ manifests }: Observed): OwnPod[] {
  return [...kubernetesPods, 'etcd'].flatMap((name) => {
    const image = manifests.get(name)?.image
    return image === undefined ? [] : { name, image }
  })
}

// The containers that run the image, by whatever name; undefined where there is none, or where a container of another
// version of it runs as well.
function containersOf({ pods }: Observed, image: string) {
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

/** The tag of an image's name, as manifests have it, with or without a digest after it. */
export function tagOf(image: string): string {
  const [name = ''] = image.split('@')
  return name.slice(name.lastIndexOf(':') + 1)
}

// A name without a tag is one that `ctr images import --digests` gives, "import-<date>@<digest>": images of any kind share
// what stands before the digest.
function hasTag(image: string): boolean {
  const [name = ''] = image.split('@')
  return /:[^:/]+$/.test(name)
}

// kind's node images have two names for each image of Kubernetes, one with the architecture, and containerd gives a
// container the one that sorts first.
const architecture = /-(amd64|arm|arm64|ppc64le|riscv64|s390x)$/

function repositoryOf(image: string): string {
  const [name = ''] = image.split('@')
  return name.replace(/:[^:/]*$/, '').replace(architecture, '')
}
