import { old, target } from '../../../fake-docker/release.ts'
import { drained, exchanged, manifests, newPods, oldPods, prepared, staged, type TwinCase, work } from './case.ts'

// No second for what does not get well.
const forward = (balancer = 'leave') => ['forward', work, 'cp-1', balancer, '1', '0']
const back = ['back', work, 'cp-1', 'leave', '1', '0']
const allNew = { '/usr/bin/kubelet': target, [`${manifests}/etcd.yaml`]: newPods.etcd, [`${work}/exchanged`]: '' }
const allOld = {
  '/usr/bin/kubelet': old,
  [`${manifests}/kube-apiserver.yaml`]: oldPods['kube-apiserver'],
  [`${work}/exchanged`]: undefined,
  [`${work}/prepared`]: undefined,
  [`${work}/before/kubelet`]: undefined,
  [`${work}/rendered/etcd.yaml`]: undefined,
}
/** The cases of exchange.sh. */
export const exchangeCases: TwinCase[] = [
  { script: 'exchange', what: 'a prepared machine', args: forward(), prepare: prepared, leaves: allNew },
  {
    script: 'exchange',
    what: 'an exchange that was cut off between two renames',
    args: forward(),
    prepare: (machine) => [
      prepared(machine),
      machine.files.delete(`${staged}/etcd.yaml`),
      machine.setManifest('etcd', newPods.etcd ?? ''),
      machine.files.set(`${work}/exchange.begun`, ''),
    ],
    leaves: allNew,
  },
  {
    script: 'exchange',
    what: 'an exchange that only has to get well',
    args: forward(),
    prepare: exchanged,
    leaves: allNew,
  },
  {
    script: 'exchange',
    what: 'an etcd member that is not healthy',
    args: forward(),
    prepare: (machine) => [prepared(machine), Object.assign(machine, { etcdHealthy: false })],
    exitCode: 51,
    leaves: { '/usr/bin/kubelet': old, [`${work}/exchange.begun`]: undefined },
  },
  {
    script: 'exchange',
    what: 'a kubelet that does not stay up',
    args: forward(),
    prepare: (machine) => [prepared(machine), machine.brokenKubelets.add(target)],
    exitCode: 49,
    printed: 'component kubelet:',
    leaves: allOld,
  },
  {
    script: 'exchange',
    what: 'an API server that does not get ready',
    args: forward(),
    prepare: (machine) => [prepared(machine), machine.brokenApiServers.add(newPods['kube-apiserver'] ?? '')],
    exitCode: 49,
    printed: 'component kube-apiserver:',
    leaves: allOld,
  },
  {
    script: 'exchange',
    what: 'an exchange that was cut off on its way back',
    args: forward(),
    prepare: (machine) => [exchanged(machine), machine.files.set(`${work}/undoing`, 'component kubelet: a line\n')],
    exitCode: 49,
    printed: 'component kubelet:',
    leaves: allOld,
  },
  {
    script: 'exchange',
    what: 'a machine that is drained meanwhile',
    args: forward('drain'),
    prepare: prepared,
    leaves: { ...allNew, [drained]: undefined },
  },
  {
    script: 'exchange',
    what: 'a load balancer without its page',
    args: forward('drain'),
    prepare: (machine, { cluster }) => [prepared(machine), Object.assign(cluster.balancer, { answers: false })],
    leaves: { ...allNew, [drained]: undefined },
  },
  { script: 'exchange', what: 'the way back of an exchange', args: back, prepare: exchanged, leaves: allOld },
  {
    script: 'exchange',
    what: 'the way back of a preparation',
    args: back,
    prepare: prepared,
    leaves: { ...allOld, [`${staged}/etcd.yaml`]: undefined, '/usr/bin/.kubelet.new': undefined },
  },
  { script: 'exchange', what: 'a way back with nothing to put back', args: back, leaves: { '/usr/bin/kubelet': old } },
]
