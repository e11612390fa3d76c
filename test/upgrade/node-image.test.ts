import { expect, test, vi } from 'vitest'
import { UpgradeError } from '../../src/errors/upgrade-error.ts'
import type { Engine, PullOptions } from '../../src/machine/engine.ts'
import { nodeImages } from '../../src/upgrade/node-image-pulls.ts'
import { pinnedDigestOf } from '../../src/upgrade/pinned-node-images.ts'
import { type Lab, silent, startQuickLab } from '../fake-docker/lab.ts'
import { target } from '../fake-docker/release.ts'
import { begin, recordOf, walk } from './walk.ts'

const image = `kindest/node:${target}`
const allowed = { sources: { nodeImagePull: 'allow' } } as const

// A lab whose engine has no node image of the target. Its registry does what the test says.
function labWithout(pull: (give: () => void, options: PullOptions) => Promise<void>): Lab {
  const lab = startQuickLab('cp-1')
  const { images } = lab.fake.helpers
  const held = images.get(image)
  images.delete(image)
  lab.fake.pull = (_, options) => pull(() => held && images.set(image, held), options)
  return lab
}

// After so many seconds of simulated time.
function after(lab: Lab, seconds: number, happen: () => void): Promise<void> {
  return new Promise((resolve) => {
    lab.clock.after(seconds, () => {
      happen()
      resolve()
    })
  })
}

function slow(): Lab {
  const lab: Lab = labWithout(async (give, { onProgress }) => {
    await after(lab, 5, () => onProgress({ bytes: 30 * 2 ** 20, isUnpacking: false }))
    await after(lab, 5, () => onProgress({ bytes: 160 * 2 ** 20, isUnpacking: false }))
    await after(lab, 5, () => onProgress({ bytes: 160 * 2 ** 20, isUnpacking: true }))
    await after(lab, 5, give)
  })
  return lab
}

// Without the notes in the record.
function changesOf(lab: Lab): string[] {
  return lab.machine('cp-1').effects.filter((effect) => !effect.startsWith('note '))
}

test('B16: an image that the engine does not have is pulled before anything is changed, and each poll has the progress', async () => {
  const lab = slow()
  const changes: string[][] = []
  const pull = lab.fake.pull
  lab.fake.pull = async (...asked) => {
    await pull(...asked)
    changes.push([...changesOf(lab)])
  }
  const { run, messages } = await walk(lab, 'cp-1', allowed)
  expect(run.progress.phase).toBe('Done')
  expect(lab.fake.pulls).toEqual([image])
  expect(changes).toEqual([[]])
  const told = messages.filter((message) => message.includes('finding the node image'))
  expect(told.map((message) => message.replace(/^.*: waiting for /, ''))).toEqual([
    `the image ${image}`,
    `the image ${image}, which is pulled`,
    `the image ${image}, of which 25 MiB are pulled`,
    `the image ${image}, of which 150 MiB are pulled`,
    `the image ${image}, which is unpacked`,
  ])
})

test('B16: an image by its digest alone is used without a pull', async () => {
  const lab = startQuickLab('cp-1')
  const { images } = lab.fake.helpers
  const held = images.get(image)
  images.delete(image)
  const digest = `sha256:${'a'.repeat(64)}`
  if (held) images.set(`kindest/node@${digest}`, held)
  const engine = { ...lab.engine, findImage: () => lab.engine.findImage(image, [digest]) }
  const { run } = await walk(lab, 'cp-1', { engine })
  expect(run.progress.phase).toBe('Done')
  expect(lab.fake.pulls).toEqual([])
})

test("what CAPD pulls by kind's digest is looked for, and pulled, by it", async () => {
  const found = vi.fn(async () => undefined)
  const pull = vi.fn(async () => {})
  const lab = startQuickLab('w-1')
  const engine = { ...lab.engine, findImage: found, pull }
  const stop = new AbortController().signal
  const images = nodeImages({ engine, clock: lab.clock, log: silent, stop })
  const digest = 'sha256:07b2536e30b803ed61d1677a79df6115f798ce64c80f9e22f6ed45afd09323c0'
  await images.find('kindest/node:v1.35.8')
  expect(found).toHaveBeenCalledWith('kindest/node:v1.35.8', [digest])
  images.join('kindest/node:v1.35.8')
  expect(pull).toHaveBeenCalledWith(`kindest/node:v1.35.8@${digest}`, expect.anything())
  expect(pinnedDigestOf('mine/node:v1.35.8')).toBe(undefined)
  expect(pinnedDigestOf('kindest/node:v1.35.4')).toBe(undefined)
})

test('where pulls are forbidden the update fails before anything is changed', async () => {
  const lab = slow()
  const { run } = await walk(lab, 'cp-1')
  expect(run.progress).toMatchObject({ phase: 'Failed', step: 'node-image', error: { code: 'IMAGE_SOURCE_MISSING' } })
  expect(recordOf(lab, 'cp-1')?.failure).toMatchObject({ code: 'IMAGE_SOURCE_MISSING', step: 'node-image', count: 1 })
  expect([lab.fake.pulls, changesOf(lab)]).toEqual([[], []])
})

test.each([
  'IMAGE_PULL_NOT_FOUND',
  'IMAGE_PULL_DENIED',
  'IMAGE_PULL_NO_SPACE',
] as const)('%s ends the attempt at once; it stands in the record, and the next one rests', async (code) => {
  const lab = labWithout(async () => {
    throw new UpgradeError(code, { image, cause: 'no' })
  })
  for (const count of [1, 2, 3]) {
    const { run } = await walk(lab, 'cp-1', allowed)
    expect(run.progress).toMatchObject({ phase: 'Failed', step: 'node-image', error: { code } })
    expect(recordOf(lab, 'cp-1')?.failure).toMatchObject({ code, step: 'node-image', count })
    expect(lab.fake.pulls).toHaveLength(count)
    lab.clock.pass(30)
  }
  await walk(lab, 'cp-1', allowed)
  expect(lab.fake.pulls).toHaveLength(3)
  expect(changesOf(lab)).toEqual([])
})

test('a pull that fails in a way that may pass is tried again, less and less often, until the limit of the step', async () => {
  const lab = labWithout(async () => {
    throw new UpgradeError('IMAGE_PULL_FAILED', { image, cause: 'no route to host' })
  })
  const { run, messages } = await walk(lab, 'cp-1', allowed)
  expect(run.progress).toMatchObject({ phase: 'Failed', error: { code: 'IMAGE_PULL_FAILED' } })
  expect(recordOf(lab, 'cp-1')?.failure).toMatchObject({ code: 'IMAGE_PULL_FAILED', step: 'node-image', count: 1 })
  expect(lab.fake.pulls.length).toBeGreaterThan(5)
  expect(lab.fake.pulls.length).toBeLessThan(20)
  expect(messages.some((message) => message.endsWith('no route to host (IMAGE_PULL_FAILED)'))).toBe(true)
})

test('a pull that stalled once is tried again, and the upgrade goes on', async () => {
  const lab: Lab = labWithout(async (give) => {
    await after(lab, 20, () => {})
    if (lab.fake.pulls.length === 1) throw new UpgradeError('IMAGE_PULL_STALLED', { image })
    give()
  })
  const { run, reports } = await walk(lab, 'cp-1', allowed)
  expect(run.progress.phase).toBe('Done')
  expect(lab.fake.pulls).toHaveLength(2)
  expect(reports).toContain('node-image: IMAGE_PULL_STALLED')
})

test('all machines of a process wait for one pull', async () => {
  const lab = labWithout(async (give, { onProgress }) => {
    await after(lab, 30, () => onProgress({ bytes: 0, isUnpacking: false }))
    give()
  })
  const images = nodeImages({ engine: lab.engine, clock: lab.clock, log: silent, stop: new AbortController().signal })
  const first = images.join(image)
  lab.clock.pass(10)
  expect(images.join(image)).toBe(first)
  lab.clock.pass(30)
  await vi.waitUntil(() => first.end)
  expect(lab.fake.pulls).toHaveLength(1)
})

test('a pull that no one waits for any more is ended, and so is one of a process that ends', async () => {
  const lab = startQuickLab('w-1')
  const given: PullOptions[] = []
  lab.fake.pull = (_, options) => {
    given.push(options)
    return new Promise((_resolve, reject) => {
      options.signal.addEventListener('abort', () => reject(options.signal.reason))
    })
  }
  const stop = new AbortController()
  const images = nodeImages({ engine: lab.engine, clock: lab.clock, log: silent, stop: stop.signal })
  const dropped = images.join(image)
  given[0]?.onProgress({ bytes: 1, isUnpacking: false })
  expect(given[0]?.signal.aborted).toBe(false)
  lab.clock.pass(121)
  given[0]?.onProgress({ bytes: 2, isUnpacking: false })
  expect(given[0]?.signal.aborted).toBe(true)
  await vi.waitUntil(() => dropped.end)
  const last = images.join(image)
  expect(last).not.toBe(dropped)
  stop.abort()
  expect(given[1]?.signal.aborted).toBe(true)
  await vi.waitUntil(() => last.end)
})

test('two replicas at once: each asks the engine once, and both have the progress', async () => {
  const lab = slow()
  const replicas = [begin(lab, 'cp-1', allowed), begin(lab, 'cp-1', allowed)]
  await Promise.all(replicas.map(({ ended }) => ended))
  expect(replicas.map(({ run }) => run.progress.phase)).toEqual(['Done', 'Done'])
  expect(lab.fake.pulls).toEqual([image, image])
  for (const { messages } of replicas) {
    expect(messages.some((message) => message.endsWith('of which 25 MiB are pulled'))).toBe(true)
  }
})

test('a process that is killed in the middle of its pull is followed by another, which requests it again', async () => {
  const lab = slow()
  const never = () => new Promise<never>(() => {})
  // With the process its connections go: the engine ends the pull, and no one gets anything any more.
  let isDead = false
  const inspect: Engine['inspect'] = (name) => (isDead ? never() : lab.engine.inspect(name))
  const exec: Engine['exec'] = (...command) => (isDead ? never() : lab.engine.exec(...command))
  const pull: Engine['pull'] = () => {
    isDead = true
    return never()
  }
  begin(lab, 'cp-1', { ...allowed, engine: { ...lab.engine, inspect, exec, pull } })
  await vi.waitUntil(() => isDead)
  expect(recordOf(lab, 'cp-1')).toMatchObject({ state: 'open', step: { name: 'node-image' }, changed: false })
  const { run } = await walk(lab, 'cp-1', allowed)
  expect(run.progress.phase).toBe('Done')
  expect(lab.fake.pulls).toEqual([image])
})

test('an image that was removed when everything was taken from it is not pulled again', async () => {
  const lab = startQuickLab('cp-1')
  const { images } = lab.fake.helpers
  const look = () => {
    if (lab.machine('cp-1').images.has(`registry.k8s.io/kube-scheduler:${target}`)) images.delete(image)
    else lab.clock.after(0.5, look)
  }
  look()
  const { run } = await walk(lab, 'cp-1', allowed)
  expect(run.progress.phase).toBe('Done')
  expect(lab.fake.pulls).toEqual([])
})
