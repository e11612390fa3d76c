import { expect, test } from 'vitest'
import { stepsIn } from '../../../e2e/witness/unit-starts.ts'

test('a journal has one line per start; other lines and units do not count', () => {
  const journal = [
    'Started capd-kubeadm-upgrader-image-archive.service - [systemd-run] /bin/sh.',
    'Started kubelet.service - kubelet: The Kubernetes Node Agent.',
    'capd-kubeadm-upgrader-images.service: Failed with result exit-code.',
    'Started capd-kubeadm-upgrader-images.service.',
    'Started capd-kubeadm-upgrader-images.service.',
  ]
  expect(stepsIn(journal.join('\n'))).toEqual(['image-archive', 'images', 'images'])
  expect(stepsIn('')).toEqual([])
})
