import { expect, test } from 'vitest'
import { type Lab, putAtTarget, startQuickLab, startWorkersLab } from '../fake-docker/lab.ts'
import { old, target } from '../fake-docker/release.ts'
import { begin, walk } from './walk.ts'

interface Wait {
  machine: 'cp-1' | 'w-1'
  step: string
  doing: string
  waitsFor: string
  minutes: number
  // Makes the machine wait, and lets it go on.
  hold: (lab: Lab) => void
  release: (lab: Lab) => void
}

function server({ machine }: Lab, change: { answers?: boolean; ready?: boolean; version?: string }): void {
  Object.assign(machine('cp-1').apiServer ?? {}, change)
}

const waits: Wait[] = [
  {
    machine: 'cp-1',
    step: 'manifests',
    doing: 'step 2 of 11, checking the static pods',
    waitsFor: 'the etcd member of cp-1',
    minutes: 5,
    hold: ({ machine }) => Object.assign(machine('cp-1'), { etcdHealthy: false }),
    release: ({ machine }) => Object.assign(machine('cp-1'), { etcdHealthy: true }),
  },
  {
    machine: 'cp-1',
    step: 'binaries',
    doing: 'step 3 of 11, fetching kubeadm, kubelet and kubectl',
    waitsFor: 'the download',
    minutes: 15,
    hold: ({ machine }) => machine('cp-1').units.hold('binaries'),
    release: ({ machine }) => machine('cp-1').units.release('binaries'),
  },
  {
    machine: 'cp-1',
    step: 'kubeadm-config',
    doing: "step 4 of 11, reading the cluster's kubeadm-config",
    waitsFor: `kubeadm-config to name ${target}`,
    minutes: 30,
    hold: ({ cluster }) => Object.assign(cluster, { kubeadmConfigVersion: old }),
    release: ({ cluster }) => Object.assign(cluster, { kubeadmConfigVersion: target }),
  },
  {
    machine: 'cp-1',
    step: 'kubeadm-config',
    doing: "step 4 of 11, reading the cluster's kubeadm-config",
    waitsFor: 'the API server',
    minutes: 30,
    hold: (lab) => server(lab, { answers: false }),
    release: (lab) => server(lab, { answers: true }),
  },
  {
    machine: 'w-1',
    step: 'api-servers',
    doing: 'step 6 of 10, checking the control plane',
    waitsFor: `every API server to be at ${target}`,
    minutes: 120,
    hold: (lab) => server(lab, { version: old }),
    release: (lab) => server(lab, { version: target }),
  },
  {
    machine: 'w-1',
    step: 'kubeadm',
    doing: 'step 7 of 10, running kubeadm upgrade node',
    waitsFor: 'kubeadm',
    minutes: 30,
    hold: ({ machine }) => machine('w-1').units.hold('kubeadm'),
    release: ({ machine }) => machine('w-1').units.release('kubeadm'),
  },
  {
    machine: 'w-1',
    step: 'verify',
    doing: 'step 9 of 10, checking the machine at the new version',
    waitsFor: 'the Node to be Ready',
    minutes: 10,
    hold: (lab) => keepNode(lab, false),
    release: (lab) => keepNode(lab, true),
  },
]

// The kubelet tells the API of itself, and this is all that it can tell.
function keepNode({ cluster, clock, machine }: Lab, ready: boolean): void {
  const told = { kubeletVersion: target, ready, heartbeat: clock.now() }
  cluster.nodes.set('w-1', told)
  machine('w-1').restartKubelet = () => {
    const version = machine('w-1').files.get('/usr/bin/kubelet') ?? ''
    machine('w-1').kubelet = { pid: 900, restarts: 0, version, since: clock.now() / 1000, healthy: true }
    told.heartbeat = clock.now()
  }
}

test.each(waits)('$machine waits for $waitsFor, says the same all the while, and then goes on', async (wait) => {
  const lab = wait.machine === 'cp-1' ? startQuickLab('cp-1') : startWorkersLab('w-1')
  wait.hold(lab)
  const walked = begin(lab, wait.machine)
  const message = `${wait.doing}: waiting for ${wait.waitsFor}`
  // Much shorter than the limit of any step, and many looks long.
  lab.clock.after(120, () => wait.release(lab))
  await walked.ended
  expect(walked.run.progress.phase).toBe('Done')
  expect(walked.messages.filter((said) => said === message)).toHaveLength(1)
  expect(walked.messages.filter((said) => said.startsWith(wait.doing))).toHaveLength(1)
})

test.each(waits)('$machine waits for $waitsFor, but not for ever: $minutes min', async (wait) => {
  const lab = wait.machine === 'cp-1' ? startQuickLab('cp-1') : startWorkersLab('w-1')
  wait.hold(lab)
  lab.clock.pace = 20
  const { run } = await walk(lab, wait.machine)
  expect(run.progress).toMatchObject({ phase: 'Failed', step: wait.step, retryAfterSeconds: 0 })
  const { step, minutes, waitsFor } = wait
  const code = run.progress.error?.code
  // systemd ends a unit of ours at the same limit, and its step then says so first.
  if (code === 'STEP_TIME_LIMIT') {
    expect(run.progress.message).toBe(
      `The step "${step}" did not finish within ${minutes} min, waiting for ${waitsFor}. (STEP_TIME_LIMIT)`,
    )
  } else expect([code, step]).toEqual(['KUBEADM_FAILED', 'kubeadm'])
})

test.each(waits)('a restart of the service while $machine waits for $waitsFor changes no word', async (wait) => {
  const lab = wait.machine === 'cp-1' ? startQuickLab('cp-1') : startWorkersLab('w-1')
  wait.hold(lab)
  const told = [begin(lab, wait.machine), begin(lab, wait.machine)]
  const message = `${wait.doing}: waiting for ${wait.waitsFor}`
  lab.clock.after(120, () => {
    expect(told.map(({ run }) => run.progress.message)).toEqual([message, message])
    lab.clock.stop()
  })
  await Promise.all(told.map(({ ended }) => ended))
  expect(told.map(({ run }) => run.progress.phase)).toEqual(['InProgress', 'InProgress'])
})

test('kubeadm is not run before kubeadm-config names the target', async () => {
  const lab = startQuickLab('cp-1')
  lab.cluster.kubeadmConfigVersion = old
  lab.clock.after(300, () => {
    expect(lab.machine('cp-1').units.starts).toEqual(['capd-kubeadm-upgrader-binaries'])
    lab.cluster.kubeadmConfigVersion = target
  })
  await walk(lab, 'cp-1')
  expect(lab.machine('cp-1').manifests['kube-apiserver']).toContain(target)
})

test('a worker waits for the oldest of several API servers', async () => {
  const lab = startQuickLab('cp-1', 'cp-2', 'cp-3', 'w-1')
  for (const name of ['cp-1', 'cp-3']) putAtTarget(lab, name)
  const walked = begin(lab, 'w-1')
  lab.clock.after(600, () => {
    expect(walked.run.progress.message).toBe(
      `step 6 of 10, checking the control plane: waiting for every API server to be at ${target}`,
    )
    expect(lab.machine('w-1').kubelet.version).toBe(old)
    putAtTarget(lab, 'cp-2')
  })
  await walked.ended
  expect(walked.run.progress.phase).toBe('Done')
})

test('a worker waits for a control plane machine that is stopped', async () => {
  const lab = startWorkersLab('w-1', 'cp-2')
  putAtTarget(lab, 'cp-2')
  lab.fake.container('cp-2').running = false
  lab.clock.after(600, () => {
    lab.fake.container('cp-2').running = true
  })
  const { run, messages } = await walk(lab, 'w-1')
  expect(messages).toContain(
    'step 6 of 10, checking the control plane: The container cp-2 is not running. (CONTAINER_STOPPED)',
  )
  expect(run.progress.phase).toBe('Done')
})
