import { parse } from 'yaml'
import { shellIn } from '../witness/exec.ts'
import type { Kube } from './kube.ts'
import { type CapiMachine, containerOf, roleOf } from './machines.ts'
import { proxies } from './proxies.ts'

/** What the owner of a cluster has put into its machines, each with the words that it is found by. */
export const owners = {
  maxPods: 42,
  label: { name: 'people.example/team', value: 'kept' },
  // Static pods with these names and images; one has the name of a component of Kubernetes, one an image without a registry.
  pods: { 'kube-vip': 'ghcr.io/kube-vip/kube-vip:v1.0.1', 'people-short': 'people-short:v1' },
  // A command puts the machine's own name into it.
  filledIn: { path: '/etc/keepalived/keepalived.conf', content: 'router_id __NAME__', placeholder: '__NAME__' },
  patches: '/etc/kubernetes/patches',
} as const

/** Values that stay as they are in an update, by what they are; read in the machine and from its kubelet and API server. */
export type Kept = Readonly<Record<string, string>>

const staticPods = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler']
const manifests = '/etc/kubernetes/manifests'

/** Reads what a machine has of `owners`, and the proxies of its processes. Throws where a part of it is missing. */
export async function keptIn(machine: CapiMachine, workload: Kube): Promise<Kept> {
  const name = containerOf(machine)
  const kept: Record<string, string> = {
    ...(await maxPods(name, workload)),
    [owners.filledIn.path]: await shellIn(name, `cat ${owners.filledIn.path}`),
    ...(await proxiesOf(name, 'containerd', 'systemctl show containerd --property=MainPID --value')),
    ...(await proxiesOf(name, 'the kubelet', 'systemctl show kubelet --property=MainPID --value')),
  }
  if (roleOf(machine) === 'worker') return kept
  for (const pod of staticPods) Object.assign(kept, await proxiesOf(name, pod, `pgrep -x ${pod.slice(0, 15)}`))
  for (const pod of Object.keys(owners.pods)) Object.assign(kept, await ownPod(name, pod, workload))
  return { ...kept, ...(await labels(name, workload)) }
}

/** What is wrong with the values of a machine. What is kept has to be there first. */
export function missingIn(kept: Kept, machine: CapiMachine): string[] {
  const name = containerOf(machine)
  const noProxy = (value: string) => value.includes(`NO_PROXY=`) && value.includes(proxies.NO_PROXY ?? '')
  const tests: [what: RegExp, holds: (value: string) => boolean][] = [
    [/^maxPods/, (value) => value === String(owners.maxPods)],
    [/^label/, (value) => value === owners.label.value],
    [/keepalived/, (value) => value === owners.filledIn.content.replace(owners.filledIn.placeholder, name)],
    [/^proxies of/, (value) => value.includes(`HTTPS_PROXY=${proxies.HTTPS_PROXY}`) && noProxy(value)],
    [/^manifest of/, (value) => value !== ''],
    [/^pod /, (value) => Object.values(owners.pods).some((image) => value === `${image}, Ready`)],
    // The sandbox and the one container.
    [/^tasks of/, (value) => (value.match(/ RUNNING$/gm) ?? []).length === 2],
  ]
  return Object.entries(kept).flatMap(([what, value]) => {
    const ok = tests.some(([pattern, holds]) => pattern.test(what) && holds(value))
    return ok ? [] : [`${name}: ${what} is ${JSON.stringify(value)}`]
  })
}

/**
 * Where the values of a machine differ from those before. A kubelet of another minor version gives each static pod another
 * UID and so starts it again: then tasks are not compared.
 */
export function lostIn(before: Kept, after: Kept, { otherMinor = false } = {}): string[] {
  const all = new Set([...Object.keys(before), ...Object.keys(after)])
  const compared = [...all].filter((what) => !(otherMinor && what.startsWith('tasks of ')))
  const differing = compared.filter((what) => before[what] !== after[what])
  return differing.map((what) => `${what}: ${JSON.stringify(before[what])} became ${JSON.stringify(after[what])}`)
}

// In the kubelet's file, and as the kubelet that runs has it.
async function maxPods(name: string, workload: Kube): Promise<Kept> {
  const file = parse(await shellIn(name, 'cat /var/lib/kubelet/config.yaml'))
  const running = JSON.parse(await workload.run(['get', `--raw=/api/v1/nodes/${name}/proxy/configz`]))
  return {
    "maxPods in the kubelet's file": String(file.maxPods),
    'maxPods of the kubelet that runs': String(running.kubeletconfig.maxPods),
  }
}

// In the manifest, and on the pod that the kubelet has made of it.
async function labels(name: string, workload: Kube): Promise<Kept> {
  interface Pod {
    metadata: { labels: Record<string, string> }
  }
  const manifest: Pod = parse(await shellIn(name, `cat ${manifests}/kube-apiserver.yaml`))
  const mirror = await workload.get<Pod>('pod', `kube-apiserver-${name}`, '-n=kube-system')
  const labelOf = ({ metadata }: Pod) => String(metadata.labels[owners.label.name])
  return { "label in the API server's manifest": labelOf(manifest), "label of the API server's pod": labelOf(mirror) }
}

async function proxiesOf(name: string, what: string, pid: string): Promise<Kept> {
  const environment = `tr '\\0' '\\n' <"/proc/$(${pid})/environ" | grep -i '^[a-z]*_proxy=' | sort`
  return { [`proxies of ${what}`]: await shellIn(name, environment) }
}

// A static pod of the owner's: its manifest, its image, and its tasks.
async function ownPod(name: string, pod: string, workload: Kube): Promise<Kept> {
  interface Pod {
    spec: { containers: { image: string }[] }
    status: { containerStatuses?: { ready: boolean }[] }
  }
  const { spec, status } = await workload.get<Pod>('pod', `${pod}-${name}`, '-n=kube-system')
  const isReady = status.containerStatuses?.every(({ ready }) => ready) ?? false
  return {
    [`manifest of ${pod}`]: await shellIn(name, `sha256sum <${manifests}/${pod}.yaml`),
    [`pod ${pod}`]: `${spec.containers[0]?.image}, ${isReady ? '' : 'not '}Ready`,
    [`tasks of ${pod}`]: await tasksOf(name, `${pod}-${name}`),
  }
}

// Each task of a pod with its process: one that was started again is another.
function tasksOf(name: string, pod: string): Promise<string> {
  const filter = `labels."io.kubernetes.pod.name"==${pod}`
  return shellIn(
    name,
    `for id in $(ctr -n k8s.io containers list --quiet '${filter}'); do
      ctr -n k8s.io tasks list | awk -v id="$id" '$1 == id { print $1, $2, $3 }'
    done | sort`,
  )
}
