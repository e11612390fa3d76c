import { expect, test, vi } from 'vitest'
import { commandName } from '../../src/machine/command-name.ts'
import type { ExecEvent } from '../../src/machine/docker-exec.ts'
import { outputLimit } from '../../src/machine/exec-output.ts'
import { type FakeContainer, frame, plainContainer } from '../fake-docker/container.ts'
import { ManualClock } from '../fake-docker/manual-clock.ts'
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

test.each([124, 137])('exit code %i after the limit is the time limit that ended the command', async (exitCode) => {
  const clock = new ManualClock()
  const { promise: limit, resolve: pass } = Promise.withResolvers<void>()
  async function* untilLimit() {
    yield frame(2, 'loading')
    await limit
  }
  const { engine } = await engineWith(() => ({ chunks: untilLimit(), exitCode }), { clock })
  const result = engine.exec('m-1', ['sleep', '99'])
  // The command's own limit, and what it has beyond that.
  await vi.waitUntil(() => clock.next === 40)
  clock.pass(30)
  pass()
  await expect(result).rejects.toMatchObject({
    code: 'EXEC_TIME_LIMIT',
    values: { command: 'sleep' },
    detail: 'loading',
  })
})

test('exit code 137 before the limit is a kill by another, with what the command printed until then', async () => {
  const { engine } = await engineWith(() => ({ chunks: [frame(2, 'loading')], exitCode: 137 }))
  await expect(engine.exec('m-1', ['sh', '-c', 'exec kubeadm "$1"', 'images.sh', 'secret'])).rejects.toMatchObject({
    code: 'EXEC_KILLED',
    values: { command: 'images.sh' },
    detail: 'loading',
  })
})

test('exit code 124 before the limit is the result of the command', async () => {
  const { engine } = await engineWith(() => ({ chunks: [], exitCode: 124 }))
  expect(await engine.exec('m-1', ['timeout', '1', 'x'])).toMatchObject({ exitCode: 124 })
})

test.each([
  [['kubectl', '--token=secret', 'get'], 'kubectl'],
  [['sh', '-c', 'cat "$1"', 'facts.sh', 'secret'], 'facts.sh'],
  [['sh', '-c', 'cat /secret'], 'sh'],
  [['sh', '-s', '--', 'secret'], 'sh'],
  [[], ''],
])('the command %j is called %j', (argv, name) => {
  expect(commandName(argv)).toBe(name)
})

test('each exec is reported with its duration and its end, and without what was given to it or printed', async () => {
  const clock = new ManualClock()
  const events: ExecEvent[] = []
  const play = () => {
    clock.pass(2)
    return { chunks: [frame(1, 'secret'), frame(2, 'secret')], exitCode: 3 }
  }
  const { engine, container } = await engineWith(play, { clock, onExec: (event) => events.push(event) })
  await engine.exec('m-1', ['sh', '-c', 'text', 'facts.sh', 'secret'], { input: 'secret' })
  container.running = false
  await expect(engine.exec('m-1', ['cat', 'secret'])).rejects.toMatchObject({ code: 'CONTAINER_STOPPED' })
  expect(events).toEqual([
    { container: 'm-1', command: 'facts.sh', seconds: 2, exitCode: 3 },
    { container: 'm-1', command: 'cat', seconds: 0, error: 'CONTAINER_STOPPED' },
  ])
})

test('millions of small frames are put together in linear time', async () => {
  const count = 1_000_000
  const pair = Buffer.concat([frame(1, 'a'), frame(2, 'b')])
  const { engine } = await engineWith(() => says(...piecesOf(Buffer.alloc(pair.length * count, pair), 65_536)))
  const { stdout, stderr } = await engine.exec('m-1', ['print'])
  expect([stdout, stderr].map((text) => [text.length, text.slice(0, 3), text.slice(-3)])).toEqual([
    [count, 'aaa', 'aaa'],
    [count, 'bbb', 'bbb'],
  ])
})

test('as much output as the limit allows is read', async () => {
  const half = 'x'.repeat(outputLimit / 2)
  const { engine } = await engineWith(() => says(frame(1, half), frame(2, half)))
  expect(await engine.exec('m-1', ['print'])).toEqual({ exitCode: 0, stdout: half, stderr: half })
})

test.each([
  1, 2,
] as const)('output of stream %i without end is an error, and the connection is closed', async (stream) => {
  let written = 0
  function* endless() {
    for (const piece = frame(stream, 'x'.repeat(32_760)); ; written += piece.length) yield piece
  }
  const { fake, engine } = await engineWith(() => ({ chunks: endless(), exitCode: 0 }))
  await expect(engine.exec('m-1', ['cat', '/var/lib/history'])).rejects.toMatchObject({
    code: 'OUTPUT_TOO_LARGE',
    values: { command: 'cat' },
  })
  await vi.waitUntil(() => [...fake.execs.all.values()].every(({ running }) => !running))
  // The limit, and what the two ends of a socket hold.
  expect(written).toBeLessThan(2 * outputLimit)
})

test.each([
  ['something else than frames', [Buffer.from('HTTP/1.1 500 Internal Server Error')]],
  ['half a frame', [frame(1, 'whole'), frame(1, 'half').subarray(0, 10)]],
  ['half a header', [frame(1, 'whole').subarray(0, 4)]],
])('%s is no output', async (_what, chunks) => {
  const { engine } = await engineWith(() => says(...chunks))
  await expect(engine.exec('m-1', ['print'])).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' })
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

test('a container that is missing, stopped or paused is reported', async () => {
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

test.each(engineCalls)('%s reports when the engine is not there', async (_name, call) => {
  const { fake, engine } = await engineWith(nothing)
  await engine.ping()
  await fake.down()
  await expect(call(engine)).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' })
})

test('a stream that is cut while the engine goes away is the engine not answering', async () => {
  const { fake, engine } = await engineWith(() => {
    void fake.down()
    return { chunks: [frame(1, 'half').subarray(0, 10)], exitCode: 0, end: 'cut' }
  })
  await expect(engine.exec('m-1', ['date'])).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' })
})

test('a command that the engine forgot when it was restarted shows nothing of the container', async () => {
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
