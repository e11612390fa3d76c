import type { ServerResponse } from 'node:http'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { PullProgress } from '../../src/machine/engine.ts'
import { plainContainer } from '../fake-docker/container.ts'
import { ManualClock } from '../fake-docker/manual-clock.ts'
import { Refusal } from '../fake-docker/reply.ts'
import { engineWith } from './engine-with.ts'

const image = 'kindest/node:v1.35.4'
const digest = `sha256:${'a'.repeat(64)}`
const other = `sha256:${'b'.repeat(64)}`

async function pulling(onPull: (reference: string, response: ServerResponse) => void) {
  const clock = new ManualClock()
  const at = await engineWith(undefined, { clock })
  at.fake.onPull = onPull
  const stop = new AbortController()
  const progress: PullProgress[] = []
  const options = { signal: stop.signal, onProgress: (now: PullProgress) => void progress.push(now) }
  return { ...at, clock, stop, progress, pull: (reference = image) => at.engine.pull(reference, options) }
}

function reports(...lines: object[]) {
  return (_: string, response: ServerResponse) =>
    void response.end(lines.map((line) => JSON.stringify(line)).join('\n'))
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await nextTurn()
}

test.each([
  ['by its tag', [image], [], image],
  ['not where there is only another version', ['kindest/node:v1.35.3'], [], undefined],
  ['by the digest that is known for it', [`kindest/node@${digest}`], [digest], `${image}@${digest}`],
  ['not by the digest of another', [`kindest/node@${other}`], [digest], undefined],
  ['not by the digest in another repository', [`other/node@${digest}`], [digest], undefined],
])('an image is found %s', async (_, there, digests, found) => {
  const { engine, fake } = await engineWith()
  for (const name of there) fake.helpers.images.set(name, () => {})
  expect(await engine.findImage(image, digests)).toBe(found)
})

test("an image without a tag is found by the digest that CAPD's containers name, for the same tag alone", async () => {
  const { engine, fake } = await engineWith()
  fake.helpers.images.set(`kindest/node@${digest}`, () => {})
  const container = { ...plainContainer('m-2', () => ({ chunks: [], exitCode: 0 })), running: false }
  fake.containers.push({ ...container, image: `${image}@${digest}` })
  expect(await engine.findImage(image, [])).toBe(`${image}@${digest}`)
  expect(await engine.findImage('kindest/node:v1.35.3', [])).toBe(undefined)
})

test('an image that is named with its digest is found by that alone', async () => {
  const { engine, fake } = await engineWith()
  fake.helpers.images.set(image, () => {})
  expect(await engine.findImage(`${image}@${digest}`, [])).toBe(undefined)
  fake.helpers.images.set(`kindest/node@${digest}`, () => {})
  expect(await engine.findImage(`docker.io/${image}@${digest}`, [])).toBe(`docker.io/${image}@${digest}`)
})

test('a container is made from an image without a tag', async () => {
  const { engine, fake, container } = await engineWith()
  container.mounts.push({ Type: 'volume', Name: 'var-of-m-1', Destination: '/var' })
  fake.helpers.images.set(`kindest/node@${digest}`, () => {})
  await engine.helper({ name: 'h', image: `${image}@${digest}`, argv: ['sh'], volumes: { 'var-of-m-1': '/machine' } })
  expect(fake.helpers.starts).toEqual(['h'])
})

test.each([
  ['registry:5000/kindest/node', 'registry:5000/kindest/node:latest'],
  [image, image],
  [`${image}@${digest}`, `kindest/node@${digest}`],
])('%s is pulled as %s, and progress is reported', async (reference, asked) => {
  const { pull, fake, progress, clock } = await pulling(
    reports(
      { status: 'Pulling from kindest/node', id: 'v1.35.4' },
      { status: 'Downloading', id: 'one', progressDetail: { current: 100, total: 300 } },
      { status: 'Downloading', id: 'two', progressDetail: { current: 50, total: 50 } },
      { status: 'Downloading', id: 'one', progressDetail: { current: 300, total: 300 } },
      { status: 'Extracting', id: 'one', progressDetail: { current: 10, total: 300 } },
      { status: 'Status: Downloaded newer image' },
    ),
  )
  await pull(reference)
  expect(fake.pulls).toEqual([asked])
  expect(progress.at(-1)).toEqual({ bytes: 350, isUnpacking: true })
  expect(clock.sleepers).toBe(0)
})

test.each([
  [404, `manifest for ${image} not found: manifest unknown: manifest unknown`, 'IMAGE_PULL_NOT_FOUND'],
  [500, 'no matching manifest for linux/arm64/v8 in the manifest list entries', 'IMAGE_PULL_NOT_FOUND'],
  [404, "pull access denied for x, repository does not exist or may require 'docker login'", 'IMAGE_PULL_DENIED'],
  [500, 'Head "https://r/v2/x/manifests/1": unauthorized: authentication required', 'IMAGE_PULL_DENIED'],
  [401, 'no', 'IMAGE_PULL_DENIED'],
  [500, 'write /var/lib/docker/tmp/GetImageBlob1: no space left on device', 'IMAGE_PULL_NO_SPACE'],
  [500, 'toomanyrequests: You have reached your pull rate limit.', 'IMAGE_PULL_FAILED'],
  [400, 'invalid reference format', 'IMAGE_REFERENCE_INVALID'],
  [503, 'the engine starts', 'ENGINE_UNREACHABLE'],
])('a pull that is refused with %i, %s, is %s', async (status, words, code) => {
  const { pull, clock } = await pulling(() => {
    throw new Refusal(status, words)
  })
  await expect(pull()).rejects.toMatchObject({ code })
  expect(clock.sleepers).toBe(0)
})

test.each([
  ['no space left on device', 'IMAGE_PULL_NO_SPACE'],
  ['unauthorized: authentication required', 'IMAGE_PULL_DENIED'],
  ['read tcp 10.0.0.1:41234->10.0.0.2:443: connection reset by peer', 'IMAGE_PULL_FAILED'],
])('a pull that fails in the middle, with %s, is %s', async (words, code) => {
  const { pull } = await pulling(
    reports({ status: 'Downloading', id: 'one' }, { errorDetail: { message: words }, error: words }),
  )
  await expect(pull()).rejects.toMatchObject({ code, values: { cause: words.replace(':41234', '') } })
})

test('a pull whose connection breaks is tried again later', async () => {
  const { pull } = await pulling((_, response) => {
    response.write('{"status":"Downloading","id":"one"}\n')
    setImmediate(() => response.destroy())
  })
  await expect(pull()).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' })
})

test.each(['before', 'after'])('a pull that is silent for 5 minutes %s its first report is ended', async (when) => {
  const { pull, fake, clock, progress } = await pulling((_, response) => {
    if (when === 'after') response.write('{"status":"Downloading","id":"one"}\n')
  })
  const ended = pull().catch((thrown) => thrown)
  await until(() => fake.pulls.length === 1 && (when === 'before' || progress.length === 1))
  clock.pass(299)
  await nextTurn()
  expect(fake.connections).toBe(1)
  clock.pass(1)
  expect(await ended).toMatchObject({ code: 'IMAGE_PULL_STALLED', values: { image } })
  await until(() => fake.connections === 0)
  expect(clock.sleepers).toBe(0)
})

test('a pull that reports goes on for as long as it does', async () => {
  let response: ServerResponse | undefined
  const { pull, clock, progress } = await pulling((_, given) => {
    response = given
  })
  const ended = pull()
  for (let reported = 1; reported <= 10; reported += 1) {
    await until(() => response !== undefined)
    response?.write('{"status":"Downloading","id":"one"}\n')
    await until(() => progress.length === reported)
    clock.pass(200)
    await nextTurn()
  }
  response?.end()
  await ended
})

test('a pull ends with its process: the engine sees the connection go', async () => {
  const { pull, fake, stop, clock } = await pulling((_, response) => {
    response.write('{"status":"Downloading","id":"one"}\n')
  })
  const ended = pull().catch((thrown) => thrown)
  await until(() => fake.pulls.length === 1)
  stop.abort()
  expect(await ended).toMatchObject({ name: 'AbortError' })
  await until(() => fake.connections === 0)
  expect(clock.sleepers).toBe(0)
})

test('a report without an end of its line is not kept', async () => {
  const { pull } = await pulling((_, response) => void response.end('x'.repeat(70_000)))
  await expect(pull()).rejects.toMatchObject({ code: 'IMAGE_PULL_FAILED' })
})
