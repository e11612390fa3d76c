import type { ExecResult } from '../../src/machine/engine.ts'
import type { SimulatedMachine } from './machine.ts'
import { old } from './release.ts'

export interface Node {
  kubeletVersion: string
  ready: boolean
  // Milliseconds since 1970.
  heartbeat: number
}

// What the machines of a simulated cluster share: the objects in its API.
export class SimulatedCluster {
  readonly name: string
  // What the ConfigMap kubeadm-config names; KCP sets it before it upgrades a machine.
  kubeadmConfigVersion = old
  // Static pod name to the arguments that kubeadm-config gives it.
  readonly podArguments = new Map<string, string[]>()
  // What the target's kubeadm calls an error in the configuration.
  refusal: string | undefined
  readonly machines: SimulatedMachine[] = []
  // Its load balancer: whether that has the page for it, and the machines that get no new connections.
  readonly balancer = { answers: true, draining: new Set<string>() }
  // What was changed in its machines, in order; a test may add notes of its own.
  readonly story: string[] = []
  readonly nodes = new Map<string, Node>()
  // What kubectl gives for a path instead of what there is.
  readonly otherAnswers = new Map<string, ExecResult>()

  constructor(name: string) {
    this.name = name
  }

  get clusterConfiguration(): string {
    const head = `apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: ${this.kubeadmConfigVersion}\n`
    const members = { 'kube-apiserver': 'apiServer', 'kube-scheduler': 'scheduler' }
    const settings = Object.entries(members).flatMap(([pod, member]) => {
      const list = (this.podArguments.get(pod) ?? []).map((argument) => {
        const [name, value] = argument.slice(2).split('=')
        return { name, value }
      })
      return list.length === 0 ? [] : `${member}: ${JSON.stringify({ extraArgs: list })}\n`
    })
    return head + settings.join('')
  }

  // The API server of a control plane that runs elsewhere, without machines of its own.
  hosted: SimulatedMachine['apiServer']

  // A GET of the path: by the load balancer from a worker, by its own API server from a control plane machine.
  get(from: SimulatedMachine, path: string): ExecResult {
    const servers = from.role === 'worker' ? this.machines : [from]
    const server = [...servers.map(({ apiServer }) => apiServer), this.hosted].find((found) => found?.answers)
    if (!server) return { exitCode: 1, stdout: '', stderr: 'The connection to the server was refused\n' }
    const other = this.otherAnswers.get(path)
    if (other) return other
    if (path === '/version') return ok({ major: '1', gitVersion: server.version })
    if (path === '/readyz') {
      return server.ready ? { exitCode: 0, stdout: 'ok', stderr: '' } : failure(unready, ' (InternalError)')
    }
    if (path === '/api/v1/namespaces/kube-system/configmaps/kubeadm-config') {
      return ok({ data: { ClusterConfiguration: this.clusterConfiguration } })
    }
    const node = /^\/api\/v1\/nodes\/([^/?]+)$/.exec(path)?.[1]
    if (node !== undefined) return this.#node(node)
    const pods = new URL(path, 'http://api')
    if (pods.pathname === '/api/v1/namespaces/kube-system/pods') return this.#staticPods(pods.searchParams)
    throw new Error(`the simulated API has nothing at ${path}`)
  }

  #node(name: string): ExecResult {
    const node = this.nodes.get(name)
    if (!node) return failure(`nodes "${name}" not found`, ' (NotFound)')
    const heartbeat = new Date(node.heartbeat).toISOString()
    const conditions = [
      { type: 'MemoryPressure', status: 'False', lastHeartbeatTime: heartbeat },
      { type: 'Ready', status: node.ready ? 'True' : 'False', lastHeartbeatTime: heartbeat },
    ]
    return ok({ status: { nodeInfo: { kubeletVersion: node.kubeletVersion }, conditions } })
  }

  #staticPods(selectors: URLSearchParams): ExecResult {
    if (selectors.get('labelSelector') !== 'tier=control-plane') throw new Error('other pods are not simulated')
    const node = selectors.get('fieldSelector')?.replace('spec.nodeName=', '')
    const machine = this.machines.find(({ name }) => name === node)
    const pods = Object.keys(machine?.manifests ?? {})
    const ready = { type: 'Ready', status: machine?.mirrorPods === 'ready' ? 'True' : 'False' }
    const status = machine?.mirrorPods === 'just made' ? { phase: 'Pending' } : { conditions: [ready] }
    return ok({ items: pods.map(() => ({ status })) })
  }
}

// As kubectl v1.35 prints what client-go makes of the answer.
const unready =
  'an error on the server ("[+]ping ok\\n[+]log ok\\n[-]etcd failed: reason withheld\\nreadyz check failed") has prevented the request from succeeding'

function ok(body: object): ExecResult {
  return { exitCode: 0, stdout: JSON.stringify(body), stderr: '' }
}

function failure(message: string, reason = ''): ExecResult {
  return { exitCode: 1, stdout: '', stderr: `Error from server${reason}: ${message}\n` }
}
