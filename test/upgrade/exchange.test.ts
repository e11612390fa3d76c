import { pino } from 'pino'
import { expect, test } from 'vitest'
import { MachineUpgrade } from '../../src/upgrade/machine-upgrade.ts'
import { type Lab, startLab, startQuickLab } from '../fake-docker/lab.ts'
import { old, staticPodsOf, target } from '../fake-docker/release.ts'
import { begin, recordFile, recordOf, state, taskOf, toolsOf, unitsOf, walk, when } from './walk.ts'

const together = { settings: { exchange: 'together' } }
const unit = 'capd-kubeadm-upgrader'
const exchanged = `    start unit exchange`

// What was changed, without notes and the staging.
function effects(lab: Lab, name: string): string[] {
  return lab.machine(name).effects.filter((effect) => !/^(note|start unit (binaries|images))/.test(effect))
}

function expectAtTarget(lab: Lab, name: string): void {
  const { kubelet, files, units, manifests } = lab.machine(name)
  expect(kubelet).toMatchObject({ version: target, healthy: true })
  expect(manifests).toEqual(staticPodsOf(target))
  expect(units.names).toEqual([])
  expect([...files.keys()].filter((path) => path.startsWith(`${state}/`))).toEqual([recordFile])
  expect([...files.keys()].filter((path) => /tmp\/capd-kubeadm-upgrader\/|\.new$/.test(path))).toEqual([])
  expect(lab.cluster.balancer.draining.size).toBe(0)
}

function expectAllOld(lab: Lab, name: string): void {
  lab.clock.pass(10)
  const { kubelet, files, manifests, containers, apiServer } = lab.machine(name)
  expect(kubelet).toMatchObject({ version: old, healthy: true })
  expect(manifests).toEqual(staticPodsOf(old))
  expect([...containers.values()]).toEqual(expect.arrayContaining(Object.values(staticPodsOf(old))))
  expect(apiServer).toMatchObject({ version: old, ready: true })
  for (const program of ['kubeadm', 'kubelet', 'kubectl']) expect(files.get(`/usr/bin/${program}`)).toBe(old)
  expect([...files.keys()].filter((path) => /tmp\/capd-kubeadm-upgrader\/|\.new$/.test(path))).toEqual([])
  expect(lab.cluster.balancer.draining.size).toBe(0)
}

test('the walk of a control plane machine whose static pods are exchanged together is this story', async () => {
  const lab = await startLab('cp-1', 'cp-2')
  const { run } = await walk(lab, 'cp-1', together)
  expect(run.progress).toEqual({ phase: 'Done', step: '', message: `at ${target}`, retryAfterSeconds: 0 })
  await expect(`${lab.cluster.story.join('\n')}\n`).toMatchFileSnapshot('golden/control-plane-together.txt')
  expect(lab.cluster.story).toContain(exchanged)
  expectAtTarget(lab, 'cp-1')
})

test('kubeadm finds nothing left to exchange, and needs no other API server', async () => {
  const lab = startQuickLab('cp-1', 'cp-2')
  await walk(lab, 'cp-1', together)
  const kubeadm = lab.machine('cp-1').commands.find((argv) => argv.includes('capd-kubeadm-upgrader-kubeadm'))
  expect(kubeadm?.slice(14, 17)).toEqual([`${state}/work`, 'control-plane', '-'])
  // The static pods start once, with the new kubelet.
  expect(effects(lab, 'cp-1').filter((effect) => effect.startsWith('kubelet '))).toEqual([`kubelet ${target} starts`])
  expectAtTarget(lab, 'cp-1')
})

test('the exchange is prepared while the images are loaded, and waits for them', async () => {
  const lab = startQuickLab('cp-1', 'cp-2')
  const { units } = lab.machine('cp-1')
  units.hold('images')
  const running: string[][] = []
  when(lab, 'cp-1', 'start unit prepare', () => {
    running.push(units.running)
    lab.clock.after(20, () => {
      running.push(units.running)
      units.release('images')
    })
  })
  const { run } = await walk(lab, 'cp-1', together)
  expect(run.progress.phase).toBe('Done')
  expect(running).toEqual([[`${unit}-images`, `${unit}-prepare`], [`${unit}-images`]])
  expect(unitsOf(lab, 'cp-1')).toEqual(['binaries', 'images', 'render', 'prepare', 'exchange', 'kubeadm'])
  expectAtTarget(lab, 'cp-1')
})

test('images that are not loaded while the exchange is prepared are loaded again, by their own step', async () => {
  const lab = startQuickLab('cp-1', 'cp-2')
  lab.machine('cp-1').units.fail('images', { exitCode: 1, log: 'ctr: refused' })
  const { reports } = await walk(lab, 'cp-1', together)
  expect(reports.filter((report) => report.includes('IMAGES_NOT_LOADED'))).toEqual(['images: IMAGES_NOT_LOADED'])
  const staging = ['binaries', 'images', 'render', 'prepare', 'images']
  expect(unitsOf(lab, 'cp-1')).toEqual([...staging, 'exchange', 'kubeadm'])
  expectAtTarget(lab, 'cp-1')
})

test('images that cannot be loaded end the attempt in the end, and nothing of it stays', async () => {
  const lab = startQuickLab('cp-1', 'cp-2')
  lab.machine('cp-1').units.fail('images', { exitCode: 1, log: 'ctr: refused' }, 20)
  const { run } = await walk(lab, 'cp-1', together)
  expect(run.progress).toMatchObject({ phase: 'Failed', step: 'images', error: { code: 'IMAGES_NOT_LOADED' } })
  expect(recordOf(lab, 'cp-1')?.failure).toMatchObject({ code: 'IMAGES_NOT_LOADED', step: 'images' })
  expect(unitsOf(lab, 'cp-1').filter((step) => step === 'images')).toHaveLength(10)
  expectAllOld(lab, 'cp-1')
})

test.each([
  ['drain', true],
  ['leave', false],
])('with loadBalancer: %s the machine is drained meanwhile: %s', async (loadBalancer, isDrained) => {
  const lab = startQuickLab('cp-1', 'cp-2')
  const { draining } = lab.cluster.balancer
  const seen = new Set<string>()
  draining.add = (name) => seen.add(name)
  await walk(lab, 'cp-1', { settings: { exchange: 'together', loadBalancer } })
  expect([...seen]).toEqual(isDrained ? ['cp-1'] : [])
  expectAtTarget(lab, 'cp-1')
})

test('a machine that is still drained at the end waits for its load balancer', async () => {
  const lab = startQuickLab('cp-1', 'cp-2')
  const { balancer } = lab.cluster
  balancer.draining.add = (name) => {
    balancer.answers = false
    lab.clock.after(60, () => {
      balancer.answers = true
    })
    return Set.prototype.add.call(balancer.draining, name) as Set<string>
  }
  const { reports } = await walk(lab, 'cp-1', together)
  expect(reports).toContain('tidy: LOAD_BALANCER_AWAY')
  // It is made ready again and again, with a pause each time.
  expect(lab.machine('cp-1').commands.filter((argv) => argv[8] === 'run').length).toBeLessThan(70)
  expectAtTarget(lab, 'cp-1')
})

test('a machine whose static pods cannot be rendered takes the plain way, and the log has the reason', async () => {
  const lab = startQuickLab('cp-1', 'cp-2')
  lab.machine('cp-1').renderRefusal = 'the feature gate RootlessControlPlane is on'
  const lines: string[] = []
  const log = pino({ level: 'warn' }, { write: (line: string) => lines.push(line) })
  await new MachineUpgrade(taskOf('cp-1', together), { ...toolsOf(lab), log }, () => 0).toEnd()
  expect(unitsOf(lab, 'cp-1')).toEqual(['binaries', 'images', 'render', 'kubeadm', 'kubelet'])
  const reason = 'the static pods are exchanged one by one: the feature gate RootlessControlPlane is on'
  expect(lines.map((line) => JSON.parse(line))).toEqual([expect.objectContaining({ step: 'render', msg: reason })])
  expectAtTarget(lab, 'cp-1')
})

test('kubeadm that renders in another way exchanges once more, and the log has it', async () => {
  const lab = startQuickLab('cp-1', 'cp-2')
  when(lab, 'cp-1', `kubelet ${target} starts`, () => {
    const { files } = lab.machine('cp-1')
    files.set(`${state}/work/rendered/etcd.yaml`, 'another')
  })
  const lines: string[] = []
  const log = pino({ level: 'warn' }, { write: (line: string) => lines.push(line) })
  await new MachineUpgrade(taskOf('cp-1', together), { ...toolsOf(lab), log }, () => 0).toEnd()
  expect(lines.join()).toContain('kubeadm has exchanged static pods once more')
  expectAtTarget(lab, 'cp-1')
})

test.each([
  ['kubelet', (lab: Lab) => lab.machine('cp-1').brokenKubelets.add(target)],
  [
    'kube-apiserver',
    (lab: Lab) => lab.machine('cp-1').brokenApiServers.add(staticPodsOf(target)['kube-apiserver'] ?? ''),
  ],
])('where the new %s does not get healthy, everything old runs again and the message reports why', async (component, breakIt) => {
  const lab = startQuickLab('cp-1', 'cp-2')
  breakIt(lab)
  const { run } = await walk(lab, 'cp-1', together)
  expect(run.progress.error).toMatchObject({
    code: 'EXCHANGE_UNDONE',
    values: { component, cause: 'a last line' },
  })
  expectAllOld(lab, 'cp-1')
  // It goes through once the cause is gone.
  lab.machine('cp-1').brokenKubelets.clear()
  lab.machine('cp-1').brokenApiServers.clear()
  lab.clock.pass(3600)
  const again = await walk(lab, 'cp-1', together)
  expect(again.run.progress.phase).toBe('Done')
  expectAtTarget(lab, 'cp-1')
})

test('an exchange that never comes to its end is undone', async () => {
  const lab = startQuickLab('cp-1', 'cp-2')
  lab.machine('cp-1').units.fail('exchange', { exitCode: 1, log: 'no\n' }, 1000)
  const { run, reports } = await walk(lab, 'cp-1', together)
  expect(reports).toContain('exchange: UNIT_FAILED')
  expect(run.progress.error?.code).toBe('EXCHANGE_NOT_ENDED')
  expectAllOld(lab, 'cp-1')
})

test('a preparation that fails is undone, and nothing was stopped', async () => {
  const lab = startQuickLab('cp-1', 'cp-2')
  lab.machine('cp-1').units.fail('prepare', { exitCode: 1, log: 'error: no\n' })
  const { run } = await walk(lab, 'cp-1', together)
  expect(run.progress.error?.code).toBe('KUBEADM_FAILED')
  expect(effects(lab, 'cp-1').filter((effect) => effect.startsWith('kubelet '))).toEqual([])
  expectAllOld(lab, 'cp-1')
})

test('no member is exchanged while another one is not healthy', async () => {
  const lab = startQuickLab('cp-1', 'cp-2', 'cp-3')
  const isUnwell = (etcdHealthy: boolean) => Object.assign(lab.machine('cp-3'), { etcdHealthy: !etcdHealthy })
  when(lab, 'cp-1', 'start unit prepare', () => isUnwell(true))
  const begun = begin(lab, 'cp-1', together)
  lab.clock.after(100, () => {
    expect(unitsOf(lab, 'cp-1')).not.toContain('exchange')
    isUnwell(false)
  })
  await begun.ended
  expect(begun.reports).toContain('exchange: the etcd member of cp-3')
  expectAtTarget(lab, 'cp-1')
})

test('a process that ends after the exchange leaves the check to the next one', async () => {
  const lab = startQuickLab('cp-1', 'cp-2')
  when(lab, 'cp-1', `kubelet ${target} starts`, () => lab.clock.stop())
  await begin(lab, 'cp-1', together).ended
  lab.clock.resume()
  lab.clock.pass(120)
  await walk(lab, 'cp-1', together)
  expect(unitsOf(lab, 'cp-1')).toContain('kubeadm')
  expect(recordOf(lab, 'cp-1')).toMatchObject({ state: 'done' })
  expectAtTarget(lab, 'cp-1')
})

test('patches are given to both runs of kubeadm', async () => {
  const lab = startQuickLab('cp-1', 'cp-2')
  const patches = { directory: '/etc/patches' }
  lab.machine('cp-1').files.set('/etc/patches/etcd.yaml', 'x')
  await walk(lab, 'cp-1', { ...together, spec: { joinConfiguration: { patches } } })
  for (const step of ['render', 'prepare', 'kubeadm']) {
    const argv = lab
      .machine('cp-1')
      .commands.find((each) => each[8] === 'start' && each[9] === `capd-kubeadm-upgrader-${step}`)
    expect(argv).toContain('/etc/patches')
  }
  expectAtTarget(lab, 'cp-1')
})

// Cluster API may go on to the next version while kubeadm is about to look at this one.
test.each([
  ['together', 'Done', undefined],
  ['one-by-one', 'Failed', 'KUBEADM_CONFIG_CHANGED'],
])('exchange: %s with a kubeadm-config that changes just before kubeadm runs: %s', async (exchange, phase, code) => {
  const lab = startQuickLab('cp-1', 'cp-2')
  when(lab, 'cp-1', 'note kubeadm started', () => {
    lab.cluster.kubeadmConfigVersion = 'v1.35.5'
  })
  const { run } = await walk(lab, 'cp-1', { settings: { exchange } })
  expect(run.progress).toMatchObject({ phase, ...(code === undefined ? {} : { error: { code } }) })
  const version = code === undefined ? target : old
  expect(lab.machine('cp-1').manifests).toEqual(staticPodsOf(version))
  expect(lab.machine('cp-1').kubelet.version).toBe(version)
})
