import { expect, test } from 'vitest'
import type { Helper } from '../../src/machine/engine.ts'
import { plainContainer } from '../fake-docker/container.ts'
import { engineWith } from './engine-with.ts'

const ours = { 'capd-kubeadm-upgrader': 'image-source' }
const helper: Helper = {
  name: 'helper',
  image: 'kindest/node:v1.35.4',
  argv: ['sh', '-c', 'script', 'name', 'argument'],
  volumes: { 'var-of-m-1': '/machine' },
}

// An engine that has the image and, in m-1, the volume; `ended` ends the helper that was started.
async function engineWithImage() {
  const at = await engineWith()
  at.container.mounts.push({ Type: 'volume', Name: 'var-of-m-1', Destination: '/var' })
  const started = { argv: [] as string[], on: '', end: () => {} }
  at.fake.helpers.images.set(helper.image, (argv, on, end) => Object.assign(started, { argv, on: on.name, end }))
  return { ...at, started }
}

test('a helper runs its command in place of the entrypoint, with the volume of the machine', async () => {
  const { engine, fake, started } = await engineWithImage()
  await engine.helper(helper)
  expect(fake.helpers.starts).toEqual(['helper'])
  expect(started).toMatchObject({ argv: helper.argv, on: 'm-1' })
})

test('a helper that runs already is not started again', async () => {
  const { engine, fake } = await engineWithImage()
  await Promise.all([engine.helper(helper), engine.helper(helper)])
  await engine.helper(helper)
  expect(fake.helpers.starts).toEqual(['helper'])
})

test('a helper that was made but not started, as by a process that was killed, is started', async () => {
  const { engine, fake, docker } = await engineWithImage()
  const HostConfig = { AutoRemove: true, NetworkMode: 'none', Binds: ['var-of-m-1:/machine'] }
  await docker.createContainer({
    name: 'helper',
    Image: helper.image,
    Entrypoint: ['sh'],
    Cmd: [],
    Labels: ours,
    HostConfig,
  })
  await engine.helper(helper)
  expect(fake.helpers.starts).toEqual(['helper'])
})

test('a helper that was made from another image, and not started, gives way', async () => {
  const { engine, fake, docker, started } = await engineWithImage()
  fake.helpers.images.set('kindest/node:v1.35.3', () => {})
  const HostConfig = { AutoRemove: true, NetworkMode: 'none', Binds: ['var-of-m-1:/machine'] }
  await docker.createContainer({ name: 'helper', Image: 'kindest/node:v1.35.3', Labels: ours, HostConfig })
  await engine.helper(helper)
  expect(fake.helpers.starts).toEqual(['helper'])
  expect(started).toMatchObject({ argv: helper.argv })
})

test.each([
  true,
  false,
])("a stranger's container of the same name (running: %s) is named and left alone", async (running) => {
  const { engine, fake } = await engineWithImage()
  const stranger = { ...plainContainer('helper', () => ({ chunks: [], exitCode: 0 })), running }
  fake.containers.push(stranger)
  await expect(engine.helper(helper)).rejects.toMatchObject({ code: 'NAME_TAKEN', values: { name: 'helper' } })
  expect(fake.requests.filter((request) => /start|DELETE/.test(request))).toEqual([])
  expect(stranger.running).toBe(running)
})

test.each(['registry/{version}/node:v1.35.4', 'Not An Image'])('the image reference %j is not valid', async (image) => {
  const { engine } = await engineWithImage()
  await expect(engine.helper({ ...helper, image })).rejects.toMatchObject({
    code: 'IMAGE_REFERENCE_INVALID',
    values: { image },
  })
})

test('the command of a helper is not part of an address, whose length an engine limits', async () => {
  const { engine, fake } = await engineWithImage()
  await engine.helper({ ...helper, argv: ['sh', '-c', 'x'.repeat(100_000)] })
  expect(fake.requests.filter((request) => request.length > 200)).toEqual([])
})

test('a helper that ends just before it would be started is no error', async () => {
  const { engine, fake, started } = await engineWithImage()
  await engine.helper(helper)
  fake.fault = (request) => {
    if (request === 'GET /containers/helper/json') started.end()
    return undefined
  }
  await engine.helper(helper)
  expect(fake.containers.map(({ name }) => name)).toEqual(['m-1'])
})

test('a node image that the engine does not have is reported', async () => {
  const { engine } = await engineWith()
  await expect(engine.helper(helper)).rejects.toMatchObject({
    code: 'IMAGE_SOURCE_MISSING',
    values: { image: 'kindest/node:v1.35.4' },
  })
})
