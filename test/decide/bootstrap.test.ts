import { describe, expect, test } from 'vitest'
import { decide } from '../../src/decide/decide.ts'
import { question } from './questions.ts'

type Side = 'current' | 'desired'

// What becomes of a new version where bootstrap objects are changed like this.
function decisionWith(change: object, sides: Side[] = ['current', 'desired']) {
  const asked = question()
  for (const side of sides) Object.assign(asked.bootstrapConfig[side], change)
  return decide(asked)
}

describe('a machine that kubeadm did not make gets no opinion', () => {
  test.each([
    ['bootstrap.cluster.x-k8s.io/v1beta1', 'K0sWorkerConfigTemplate'],
    ['bootstrap.cluster.x-k8s.io/v1beta2', 'CK8sConfigTemplate'],
    ['bootstrap.cluster.x-k8s.io/v1alpha3', 'TalosConfigTemplate'],
    ['bootstrap.cluster.x-k8s.io/v1beta1', 'MicroK8sConfig'],
    ['bootstrap.cluster.x-k8s.io/v1beta2', 'kubeadmconfig'],
    ['bootstrap.example.com/v1beta2', 'KubeadmConfig'],
    ['v1', 'KubeadmConfig'],
  ])('%s %s', (apiVersion, kind) => {
    for (const sides of [['current', 'desired'], ['current'], ['desired']] as Side[][]) {
      const { accepted, declined, operations } = decisionWith({ apiVersion, kind }, sides)
      expect(declined).toMatchObject([{ code: 'MACHINE_FOREIGN', values: { kind } }])
      expect({ accepted, operations }).toEqual({ accepted: [], operations: { machine: [], bootstrapConfig: [] } })
    }
  })

  test('nor does a simulated one', () => {
    const memory = { backend: { inMemory: {} } }
    const asked = question({ inMemory: 'simulate', infrastructure: [memory, memory] })
    asked.bootstrapConfig.desired.kind = 'TalosConfig'
    expect(decide(asked).declined.map(({ code }) => code)).toEqual(['MACHINE_FOREIGN'])
  })
})

test.each(['v1alpha3', 'v1beta1', 'v1beta2', 'v1'])('a KubeadmConfig of %s is decided', (version) => {
  for (const kind of ['KubeadmConfig', 'KubeadmConfigTemplate']) {
    expect(decisionWith({ apiVersion: `bootstrap.cluster.x-k8s.io/${version}`, kind }).declined).toEqual([])
  }
})

describe('an external etcd', () => {
  const external = { endpoints: ['https://etcd-1:2379'] }
  const decisionOn = (etcd: unknown, role: 'control-plane' | 'worker') => {
    const spec = { clusterConfiguration: { etcd } }
    return decide(question({ role, bootstrap: [spec, structuredClone(spec)] }))
  }

  test('of a control plane machine declines every change', () => {
    const { accepted, declined, operations } = decisionOn({ external }, 'control-plane')
    expect(declined).toMatchObject([
      { code: 'CONFIG_NOT_COVERED', values: { path: 'clusterConfiguration.etcd.external' } },
    ])
    expect({ accepted, operations }).toEqual({ accepted: [], operations: { machine: [], bootstrapConfig: [] } })
  })

  test('means nothing to a worker', () => {
    expect(decisionOn({ external }, 'worker').declined).toEqual([])
  })

  test.each([null, {}, { local: {} }, { external: null }])('is not what %j is', (etcd) => {
    expect(decisionOn(etcd, 'control-plane').declined).toEqual([])
  })
})
