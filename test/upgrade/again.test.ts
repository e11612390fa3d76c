import { expect, test } from 'vitest'
import { startWorkersLab } from '../fake-docker/lab.ts'
import { target } from '../fake-docker/release.ts'
import { unitsOf, walk } from './walk.ts'

test('after a failure kubeadm runs again: what made the kubelet fail may be mended in the cluster by now', async () => {
  const lab = startWorkersLab('w-1')
  const { brokenKubelets } = lab.machine('w-1')
  brokenKubelets.add(target)
  expect((await walk(lab, 'w-1')).run.progress.error).toMatchObject({ code: 'KUBELET_NOT_UP' })
  // Someone corrects the cluster's kubelet-config, which kubeadm writes into the machine.
  brokenKubelets.clear()
  lab.clock.pass(11)
  expect((await walk(lab, 'w-1')).run.progress.phase).toBe('Done')
  expect(unitsOf(lab, 'w-1')).toEqual(['binaries', 'images', 'kubeadm', 'kubelet', 'kubeadm', 'kubelet'])
})
