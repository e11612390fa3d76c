import { expect, test } from 'vitest'
import { type FakeContainer, frame, plainContainer } from '../fake-docker/container.ts'
import { Refusal } from '../fake-docker/reply.ts'
import { engineCalls, engineWith } from './engine-with.ts'

const says = (...chunks: Uint8Array[]) => ({ chunks, exitCode: 0 })
const nothing = () => says()

function bytesOf(...frames: Uint8Array[]): Buffer {
  return Buffer.concat(frames)
}

function piecesOf(bytes: Uint8Array, size: number): Uint8Array[] {
  const count = Math.ceil(bytes.length / size)
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * size, (i + 1) * size))
}

test('a command gives its standard output, its standard error and its exit code', async () => {
  const { engine } = await engineWith(() => ({
    chunks: [frame(1, 'out 1\n'), frame(2, 'err\n'), frame(1, 'out 2\n')],
    exitCode: 3,
  }))
  expect(await engine.exec('m-1', ['command'])).toEqual({
    exitCode: 3,
    stdout: 'out 1\nout 2\n',
    stderr: 'err\n',
  })
})

test('a command is privileged and ended inside the container after its time limit', async () => {
  const { fake, engine } = await engineWith(nothing)
  await engine.exec('m-1', ['sh', '-c', 'echo "$1"', 'name', 'a b'])
  await engine.exec('m-1', ['true'], { timeoutSeconds: 7 })
  const [usual, own] = [...fake.execs.all.values()]
  expect(usual?.cmd).toEqual(['timeout', '-k', '5', '30', 'sh', '-c', 'echo "$1"', 'name', 'a b'])
  expect(usual?.privileged).toBe(true)
  expect(own?.cmd).toEqual(['timeout', '-k', '5', '7', 'true'])
})

test('standard input reaches the command whole, and ends', async () => {
  const { engine } = await engineWith((_, input) => says(frame(1, input)))
  const input = `line with ü and €\n${'x'.repeat(300_000)}\n`
  expect((await engine.exec('m-1', ['cat'], { input })).stdout).toBe(input)
})

test('an empty standard input ends, too', async () => {
  const { engine } = await engineWith((_, input) => says(frame(1, `<${input}>`)))
  expect((await engine.exec('m-1', ['cat'], { input: '' })).stdout).toBe('<>')
})

test('without input no standard input is attached', async () => {
  const { fake, engine } = await engineWith(nothing)
  await engine.exec('m-1', ['true'])
  await engine.exec('m-1', ['true'], { input: 'x' })
  expect([...fake.execs.all.values()].map(({ attachStdin }) => attachStdin)).toEqual([false, true])
})

test('a big output is put together from frames and network chunks that do not match', async () => {
  const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i} of a long listing, with ä ö ü`)
  const text = lines.join('\n')
  const frames = piecesOf(Buffer.from(text), 32_768).map((piece) => frame(1, piece))
  const { engine } = await engineWith(() => says(...piecesOf(bytesOf(...frames), 10_007)))
  expect((await engine.exec('m-1', ['list'])).stdout).toBe(text)
})

test('a character that is split over two frames stays whole, with the other stream between them', async () => {
  const [head, tail] = [Buffer.from('€').subarray(0, 1), Buffer.from('€').subarray(1)]
  const { engine } = await engineWith(() => says(frame(1, head), frame(2, 'ß'), frame(1, tail)))
  expect(await engine.exec('m-1', ['print'])).toMatchObject({ stdout: '€', stderr: 'ß' })
})

test('frames arrive whole however the network cuts them', async () => {
  const bytes = bytesOf(frame(1, 'ä'), frame(2, 'warning'), frame(1, 'ö'))
  const { engine } = await engineWith(() => says(...piecesOf(bytes, 1)))
  expect(await engine.exec('m-1', ['print'])).toMatchObject({ stdout: 'äö', stderr: 'warning' })
})

test('an exit code that the engine notes a moment after the end of the stream is waited for', async () => {
  const { fake, engine } = await engineWith(() => ({ chunks: [frame(1, 'x')], exitCode: 5 }))
  const inspect = fake.execs.inspect.bind(fake.execs)
  // Some engines give a command that runs a 0.
  const answers = [
    { Running: true, ExitCode: 0 },
    { Running: true, ExitCode: null },
    { Running: false, ExitCode: null },
  ]
  fake.execs.inspect = (id) => answers.shift() ?? inspect(id)
  expect(await engine.exec('m-1', ['command'])).toMatchObject({ exitCode: 5, stdout: 'x' })
  expect(answers).toEqual([])
})

test.each([124, 137])('exit code %i is the time limit that ended the command', async (exitCode) => {
  const { engine } = await engineWith(() => ({ chunks: [], exitCode }))
  await expect(engine.exec('m-1', ['sleep', '99'])).rejects.toMatchObject({
    code: 'EXEC_TIME_LIMIT',
    values: { command: 'sleep' },
  })
})

test('a command that the container runtime could not start is a failed command, with its words', async () => {
  const words = 'OCI runtime exec failed: exec failed: unable to start container process: no such file\n'
  const { engine } = await engineWith(() => ({ chunks: [frame(1, words)], exitCode: 126 }))
  await expect(engine.exec('m-1', ['x'])).rejects.toMatchObject({ code: 'EXEC_FAILED', detail: words })
})

test('exit code 126 of a command itself is its result', async () => {
  const { engine } = await engineWith(() => ({ chunks: [frame(2, 'Permission denied')], exitCode: 126 }))
  expect(await engine.exec('m-1', ['x'])).toMatchObject({ exitCode: 126, stderr: 'Permission denied' })
})

test('a container that is missing, stopped or paused is said so', async () => {
  const { engine, container } = await engineWith(nothing)
  await expect(engine.exec('m-2', ['true'])).rejects.toMatchObject({
    code: 'CONTAINER_MISSING',
    values: { name: 'm-2' },
  })
  await expect(engine.inspect('m-2')).rejects.toMatchObject({ code: 'CONTAINER_MISSING' })
  container.paused = true
  await expect(engine.exec('m-1', ['true'])).rejects.toMatchObject({ code: 'CONTAINER_PAUSED' })
  Object.assign(container, { paused: false, running: false })
  await expect(engine.exec('m-1', ['true'])).rejects.toMatchObject({ code: 'CONTAINER_STOPPED' })
})

test.each(engineCalls)('%s says when the engine is not there', async (_name, call) => {
  const { fake, engine } = await engineWith(nothing)
  await engine.ping()
  await fake.down()
  await expect(call(engine)).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' })
})

test.each(engineCalls)('%s says when the engine fails', async (_name, call) => {
  const { fake, engine } = await engineWith(nothing)
  fake.fault = () => new Refusal(500, 'server error')
  await expect(call(engine)).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' })
})

test('a stream that is cut while the engine goes away is the engine not answering', async () => {
  const { fake, engine } = await engineWith(() => {
    void fake.down()
    return { chunks: [frame(1, 'half').subarray(0, 10)], exitCode: 0, end: 'cut' }
  })
  await expect(engine.exec('m-1', ['date'])).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' })
})

test('a command that the engine forgot when it was restarted says nothing of the container', async () => {
  const { fake, engine } = await engineWith(() => {
    fake.execs.forget()
    return says(frame(1, 'x'))
  })
  await expect(engine.exec('m-1', ['date'])).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' })
})

test('a container is described by what Docker says of it', async () => {
  const { engine, container } = await engineWith(nothing)
  container.labels = { role: 'worker' }
  container.mounts = [
    { Type: 'volume', Name: 'other', Destination: '/var/lib/x' },
    { Type: 'volume', Name: 'abc', Destination: '/var' },
  ]
  expect(await engine.inspect('m-1')).toEqual({
    name: 'm-1',
    hostname: 'm-1',
    labels: { role: 'worker' },
    running: true,
    paused: false,
    varVolume: 'abc',
  })
})

test('a container without a volume at /var has none', async () => {
  const { engine } = await engineWith(nothing)
  expect((await engine.inspect('m-1')).varVolume).toBeUndefined()
})

test('containers with all of the labels are listed in order, running or not', async () => {
  const { fake, engine } = await engineWith(nothing)
  const labels = { cluster: 'a', role: 'worker' }
  const add = (name: string, more: Partial<FakeContainer>) =>
    fake.containers.push({ ...plainContainer(name, nothing), labels, ...more })
  add('w-2', {})
  add('w-1', { running: false })
  add('other-cluster', { labels: { ...labels, cluster: 'b' } })
  add('other-role', { labels: { ...labels, role: 'control-plane' } })
  expect(await engine.list(labels)).toEqual(['w-1', 'w-2'])
})
