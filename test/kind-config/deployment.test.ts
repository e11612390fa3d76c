import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { variables } from '../../src/config/environment.ts'
import { settings } from '../../src/contract/settings.ts'
import { serve } from '../app/serve.ts'
import { find, objectsOf, textOf } from './manifests.ts'

const objects = objectsOf('.')
const namespace = 'capd-kubeadm-upgrader-system'
const deployment = find(objects, 'Deployment')
const pod = deployment.spec.template.spec
const [container] = pod.containers
const service = find(objects, 'Service')
const policy = find(objects, 'NetworkPolicy')
const budget = find(objects, 'PodDisruptionBudget')
const extension = find(objects, 'ExtensionConfig')
const root = join(import.meta.dirname, '../..')

describe('names agree', () => {
  test('everything that is in a namespace is in the one that is made', () => {
    expect(find(objects, 'Namespace').metadata.name).toBe(namespace)
    for (const object of [deployment, service, policy, budget]) expect(object.metadata.namespace).toBe(namespace)
    expect(extension.metadata).not.toHaveProperty('namespace')
  })

  test('Service, NetworkPolicy, PodDisruptionBudget and the spreading select the pods of the Deployment', () => {
    const { labels } = deployment.spec.template.metadata
    const selectors = [
      deployment.spec.selector.matchLabels,
      service.spec.selector,
      policy.spec.podSelector.matchLabels,
      budget.spec.selector.matchLabels,
      pod.topologySpreadConstraints[0].labelSelector.matchLabels,
    ]
    for (const selector of selectors) expect(labels).toMatchObject(selector)
  })

  test('the Service and the NetworkPolicy lead to the port that the service listens on', () => {
    const [port] = container.ports
    expect(port.containerPort).toBe(Number(variables.UPGRADER_PORT.default))
    expect(service.spec.ports).toEqual([{ name: 'https', port: 443, targetPort: port.name }])
    expect(policy.spec.ingress[0].ports).toEqual([{ port: port.name }])
  })

  test('the ExtensionConfig names the Service and its port', () => {
    const { name, port } = extension.spec.clientConfig.service
    expect(extension.spec.clientConfig.service).toEqual({ namespace, name, port })
    expect(name).toBe(service.metadata.name)
    expect(port).toBe(service.spec.ports[0].port)
  })

  test('the ExtensionConfig takes its CA from the Secret that the pods mount, and they mount no more than the pair', () => {
    const { secret } = pod.volumes.find(({ name }: { name: string }) => name === 'tls')
    const annotation = extension.metadata.annotations['runtime.cluster.x-k8s.io/inject-ca-from-secret']
    expect(annotation).toBe(`${namespace}/${secret.secretName}`)
    expect(extension.spec.clientConfig).not.toHaveProperty('caBundle')
    const { mountPath } = container.volumeMounts.find(({ name }: { name: string }) => name === 'tls')
    const paths = secret.items.map(({ path }: { path: string }) => join(mountPath, path))
    expect(paths).toEqual([setTo('UPGRADER_TLS_CERT_FILE'), setTo('UPGRADER_TLS_KEY_FILE')])
  })

  test('the image is the one that the lab builds, and Node is the same wherever it comes from', () => {
    const lab = readFileSync(join(root, 'scripts/lab/cluster/extension-image.ts'), 'utf8')
    expect(lab).toContain(`'${container.image}'`)
    const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8')
    const pinned = JSON.parse(readFileSync(join(root, 'scripts/node/package.json'), 'utf8')).optionalDependencies
    for (const version of Object.values(pinned)) expect(dockerfile).toContain(`NODE_IMAGE=node:${version}-`)
  })

  test('a Kubernetes node has the socket where the Deployment mounts it from', () => {
    const { nodes } = parse(textOf('cluster.yaml'))
    const { hostPath } = pod.volumes.find(({ name }: { name: string }) => name === 'docker')
    for (const node of nodes)
      expect(node.extraMounts).toContainEqual({ hostPath: hostPath.path, containerPath: hostPath.path })
  })
})

function setTo(name: string): string {
  return container.env.find((variable: { name: string }) => variable.name === name)?.value
}

describe('what is set exists', () => {
  const commented = [...textOf('base/deployment.yaml').matchAll(/# +(UPGRADER_\w+):/g)].map(([, name = '']) => name)

  const set = container.env.map(({ name }: { name: string }) => name)
  const ours = set.filter((name: string) => name !== 'NODE_OPTIONS')

  test.each([...ours, ...commented])('the variable %s', (name) => {
    expect(Object.keys(variables)).toContain(name)
  })

  test('the service listens where the kubelet and the Service reach it', () => {
    expect(setTo('UPGRADER_HOST')).toBe('0.0.0.0')
  })

  test('the settings that are shown as a comment, with their default values', () => {
    const [, block = ''] = /\n {2}# (settings:\n(?: {2}# .+\n)+)$/.exec(textOf('base/extension-config.yaml')) ?? []
    const { fault, ...shown } = parse(block.replaceAll('\n  # ', '\n')).settings
    expect(fault).toBe('none')
    expect(shown).toEqual(Object.fromEntries(Object.entries(settings).map(([key, { default: usual }]) => [key, usual])))
  })

  test.each(['startupProbe', 'readinessProbe', 'livenessProbe'])('the path of the %s', async (probe) => {
    const { scheme, path: url, port } = container[probe].httpGet
    expect({ scheme, port }).toEqual({ scheme: 'HTTPS', port: container.ports[0].name })
    const { app } = serve()
    await app.ready()
    expect(app.hasRoute({ method: 'GET', url })).toBe(true)
  })

  test('only readiness depends on the engine and on the certificate', () => {
    const paths = ['readinessProbe', 'livenessProbe', 'startupProbe'].map((probe) => container[probe].httpGet.path)
    expect(paths).toEqual(['/readyz', '/healthz', '/healthz'])
  })
})

describe('the pods have no more than they need', () => {
  test('there is no access to the API server: no account, no role, no token', () => {
    const kinds = objects.map(({ kind }) => kind).sort()
    expect(kinds).toEqual([
      'Deployment',
      'ExtensionConfig',
      'Namespace',
      'NetworkPolicy',
      'PodDisruptionBudget',
      'Service',
    ])
    expect(pod.automountServiceAccountToken).toBe(false)
    expect(pod).not.toHaveProperty('serviceAccountName')
  })

  test('there is no capability, no way to get one, and nothing to write to', () => {
    expect(container.securityContext).toEqual({
      runAsUser: 0,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
    for (const key of ['hostNetwork', 'hostPID', 'hostIPC']) expect(pod).not.toHaveProperty(key)
  })

  test('of the host there is the socket and nothing else', () => {
    const mounted = pod.volumes.filter((volume: object) => 'hostPath' in volume)
    expect(mounted).toEqual([{ name: 'docker', hostPath: { path: '/var/run/docker.sock', type: 'Socket' } }])
  })

  test("only the pods of Cluster API's core and KubeadmControlPlane managers reach them, and they reach no one", () => {
    const { ingress, policyTypes, egress } = policy.spec
    expect({ policyTypes, egress }).toEqual({ policyTypes: ['Ingress', 'Egress'], egress: undefined })
    const [{ from }, ...more] = ingress
    expect(more).toEqual([])
    const manager = (namespace: string, provider: string) => ({
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
      podSelector: { matchLabels: { 'cluster.x-k8s.io/provider': provider, 'control-plane': 'controller-manager' } },
    })
    expect(from).toEqual([
      manager('capi-system', 'cluster-api'),
      manager('capi-kubeadm-control-plane-system', 'control-plane-kubeadm'),
    ])
  })
})

const mebibytes = (quantity: string) => Number(/^(\d+)Mi$/.exec(quantity)?.[1])

describe('memory', () => {
  const { requests, limits } = container.resources

  test("V8's old generation leaves half of the limit for bodies of requests, TLS and the program", () => {
    const [, oldSpace] = /^--max-old-space-size=(\d+)$/.exec(setTo('NODE_OPTIONS')) ?? []
    expect(Number(oldSpace)).toBeLessThanOrEqual(mebibytes(limits.memory) / 2)
  })

  test('what is requested is more than an idle process takes, 120 MiB', () => {
    expect(mebibytes(requests.memory)).toBeGreaterThan(120)
  })

  test('the image and npm start have the flags with which that was measured', () => {
    const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8')
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    const [, entrypoint = ''] = /^ENTRYPOINT (.*)$/m.exec(dockerfile) ?? []
    expect(JSON.parse(entrypoint).join(' ')).toBe(scripts.start)
    // Filled by the same program under the same name: the cache counts for no other.
    const [, filled = ''] = /^RUN (\["node".*)$/m.exec(dockerfile) ?? []
    expect(JSON.parse(filled).join(' ')).toBe(`${scripts.start} --help`)
    expect(dockerfile.indexOf('NODE_COMPILE_CACHE')).toBeLessThan(dockerfile.indexOf(filled))
  })
})

describe('pods that come and go', () => {
  test('one stays while a node is drained, and pods that are not ready do not hold that up', () => {
    expect(budget.spec).toMatchObject({ minAvailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow' })
    expect(deployment.spec.replicas).toBeGreaterThan(budget.spec.minAvailable)
  })

  test('they are on different nodes where there are some, and run where there is one', () => {
    const [spread, ...more] = pod.topologySpreadConstraints
    expect(more).toEqual([])
    expect(spread).toMatchObject({ topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'ScheduleAnyway' })
  })

  test('a process that is busy for most of a minute is not ended', () => {
    const { periodSeconds, failureThreshold } = container.livenessProbe
    expect(periodSeconds * failureThreshold).toBeGreaterThanOrEqual(60)
  })

  test('the time to end is enough for what is waited for before', () => {
    const { terminationGracePeriodSeconds = 30 } = pod
    // close-with-grace gives the process 5 s.
    expect(container.lifecycle.preStop.sleep.seconds + 5).toBeLessThan(terminationGracePeriodSeconds)
  })
})

test('a change of the Deployment leaves as many pods ready as before', () => {
  expect(deployment.spec.replicas).toBe(2)
  expect(deployment.spec.strategy.rollingUpdate).toEqual({ maxSurge: 1, maxUnavailable: 0 })
})

test('a namespace opts in by a label', () => {
  expect(extension.spec.namespaceSelector).toEqual({ matchLabels: { 'capd-kubeadm-upgrader': 'enabled' } })
})
