import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { firstFileIn } from '../../src/machine/docker-archive.ts'
import { caCertificate } from '../fake-docker/ca.ts'
import { startLab } from '../fake-docker/lab.ts'

const ca = '/etc/kubernetes/pki/ca.crt'

describe('a file of a container', () => {
  test('is given whether the container runs or not', async () => {
    const { engine, fake } = await startLab('cp-1')
    expect(await engine.file('cp-1', ca)).toBe(caCertificate)
    fake.container('cp-1').running = false
    expect(await engine.file('cp-1', ca)).toBe(caCertificate)
  })

  test('that is not there, and one of a container that is not there, is undefined', async () => {
    const { engine } = await startLab('cp-1')
    expect(await engine.file('cp-1', '/etc/nothing')).toBeUndefined()
    expect(await engine.file('cp-9', ca)).toBeUndefined()
  })

  test('is not read of an engine that is away', async () => {
    const { engine, fake } = await startLab('cp-1')
    await fake.down()
    await expect(engine.file('cp-1', ca)).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' })
    await fake.up()
  })
})

describe('the first file of an archive', () => {
  const archive = (content: string, size = content.length, type = '0') => {
    const bytes = Buffer.alloc(1024)
    bytes.write(`${size.toString(8).padStart(11, '0')}\0`, 124)
    bytes.write(type, 156)
    bytes.write(content, 512)
    return bytes
  }
  const read = (bytes: Buffer, pieces = bytes.length) =>
    firstFileIn(
      Readable.from(
        Array.from({ length: Math.ceil(bytes.length / pieces) }, (_, i) =>
          bytes.subarray(i * pieces, (i + 1) * pieces),
        ),
      ),
      100,
    )

  test('is read in pieces of any size', async () => {
    for (const pieces of [1, 511, 513, 1024]) expect(await read(archive('some words'), pieces)).toBe('some words')
  })

  test.each<[string, Buffer]>([
    ['a link', archive('', 0, '2')],
    ['a directory', archive('', 0, '5')],
    ['too large', archive('a', 101)],
    ['cut off', archive('a', 90).subarray(0, 550)],
    ['of no size', Buffer.alloc(1024, 'x')],
    ['nothing', Buffer.alloc(0)],
  ])('is undefined where it is %s', async (_, bytes) => {
    expect(await read(bytes, 256)).toBeUndefined()
  })
})
