import { expect, test } from 'vitest'
import { recorder } from '../app/serve.ts'
import { type Lab, putAtTarget, startQuickLab, startWorkersLab } from '../fake-docker/lab.ts'
import { old, target } from '../fake-docker/release.ts'
import { begin, walk } from './walk.ts'

interface Wait {
  machine: 'cp-1' | 'w-1'
  step: string
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
    waitsFor: 'the etcd member of cp-1',
    minutes: 5,
    hold: ({ machine }) => Object.assign(machine('cp-1'), { etcdHealthy: false }),
    release: ({ machine }) => Object.assign(machine('cp-1'), { etcdHealthy: true }),
  },
  {
    machine: 'cp-1',
    step: 'binaries',
    waitsFor: 'the download',
    minutes: 15,
    hold: ({ machine }) => machine('cp-1').units.hold('binaries'),
    release: ({ machine }) => machine('cp-1').units.release('binaries'),
  },
  {
    machine: 'cp-1',
    step: 'kubeadm-config',
    waitsFor: `kubeadm-config to name ${target}`,
    minutes: 30,
    hold: ({ cluster }) => Object.assign(cluster, { kubeadmConfigVersion: old }),
    release: ({ cluster }) => Object.assign(cluster, { kubeadmConfigVersion: target }),
  },
  {
    machine: 'cp-1',
    step: 'kubeadm-config',
    waitsFor: "the cluster's kubeadm-config (the API server does not answer)",
    minutes: 30,
    hold: (lab) => server(lab, { answers: false }),
    release: (lab) => server(lab, { answers: true }),
  },
  {
    machine: 'w-1',
    step: 'api-servers',
    waitsFor: `every API server to be at ${target}`,
    minutes: 120,
    hold: (lab) => server(lab, { version: old }),
    release: (lab) => server(lab, { version: target }),
  },
  {
    machine: 'w-1',
    step: 'kubeadm',
    waitsFor: 'kubeadm',
    minutes: 30,
    hold: ({ machine }) => machine('w-1').units.hold('kubeadm'),
    release: ({ machine }) => machine('w-1').units.release('kubeadm'),
  },
  {
    machine: 'w-1',
    step: 'verify',
    waitsFor: 'the Node to be Ready',
    minutes: 10,
    hold: (lab) => keepNode(lab, false),
    release: (lab) => keepNode(lab, true),
  },
]

// This is all that the kubelet reports to the API.
function keepNode({ cluster, clock, machine }: Lab, ready: boolean): void {
  const told = { kubeletVersion: target, ready, heartbeat: clock.now() }
  cluster.nodes.set('w-1', told)
  machine('w-1').restartKubelet = () => {
    const version = machine('w-1').files.get('/usr/bin/kubelet') ?? ''
    machine('w-1').kubelet = { pid: 900, restarts: 0, version, startedAt: machine('w-1').uptime, healthy: true }
    told.heartbeat = clock.now()
  }
}

test.each(
  waits,
)('$machine waits for $waitsFor, reports the same message all the while, and then goes on', async (wait) => {
  const lab = wait.machine === 'cp-1' ? startQuickLab('cp-1') : startWorkersLab('w-1')
  wait.hold(lab)
  const walked = begin(lab, wait.machine)
  // Much shorter than the limit of any step, and many looks long.
  lab.clock.after(120, () => wait.release(lab))
  await walked.ended
  expect(walked.run.progress.phase).toBe('Done')
  const reports = walked.reports.filter((report) => report.startsWith(`${wait.step}: `))
  expect(reports).toEqual([`${wait.step}: ${wait.waitsFor}`])
})

test.each(waits)('$machine waits for $waitsFor, but not indefinitely: $minutes min', async (wait) => {
  const lab = wait.machine === 'cp-1' ? startQuickLab('cp-1') : startWorkersLab('w-1')
  wait.hold(lab)
  lab.clock.pace = 20
  const began = lab.clock.monotonic()
  const { run } = await walk(lab, wait.machine)
  expect(run.progress).toMatchObject({ phase: 'Failed', step: wait.step, retryAfterSeconds: 0 })
  const { step, minutes, waitsFor } = wait
  expect((lab.clock.monotonic() - began) / 60_000).toBeLessThan(minutes + 4)
  const values = { step, minutes: String(minutes), waitsFor }
  expect(run.progress.error).toMatchObject({ code: 'STEP_TIME_LIMIT', values })
})

test.each(waits)('a restart of the service while $machine waits for $waitsFor changes no word', async (wait) => {
  const lab = wait.machine === 'cp-1' ? startQuickLab('cp-1') : startWorkersLab('w-1')
  wait.hold(lab)
  const told = [begin(lab, wait.machine), begin(lab, wait.machine)]
  lab.clock.after(120, () => lab.clock.stop())
  await Promise.all(told.map(({ ended }) => ended))
  for (const { run } of told) {
    expect(run.progress).toMatchObject({ phase: 'InProgress', step: wait.step })
    expect(run.progress.message.endsWith(`: waiting for ${wait.waitsFor}`)).toBe(true)
  }
  lab.clock.resume()
  const next = begin(lab, wait.machine)
  lab.clock.after(60, () => lab.clock.stop())
  await next.ended
  expect(next.run.progress.message).toBe(told[0]?.run.progress.message)
})

test('the log has what a step waits for once, with the reason of the API', async () => {
  const lab = startWorkersLab('w-1')
  const reason = 'Error from server (Forbidden): configmaps "kubeadm-config" is forbidden'
  const path = '/api/v1/namespaces/kube-system/configmaps/kubeadm-config'
  lab.cluster.otherAnswers.set(path, { exitCode: 1, stdout: '', stderr: `${reason}\n` })
  lab.clock.after(300, () => lab.cluster.otherAnswers.clear())
  const { log, text } = recorder()
  expect((await walk(lab, 'w-1', { log })).run.progress.phase).toBe('Done')
  const lines = text()
    .split('\n')
    .filter((line) => line.includes(JSON.stringify(reason).slice(1, -1)))
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ step: 'kubeadm-config' }])
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
    expect(walked.reports.at(-1)).toBe(`api-servers: every API server to be at ${target}`)
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
  const { run, reports } = await walk(lab, 'w-1')
  expect(reports).toContain('api-servers: CONTAINER_STOPPED')
  expect(run.progress.phase).toBe('Done')
})
