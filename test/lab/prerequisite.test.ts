import { beforeEach, expect, test, vi } from 'vitest'
import { logTo } from '../../scripts/host/progress.ts'
import { ensure } from '../../scripts/lab/host/prerequisite.ts'

let logged: string[]

beforeEach(() => {
  logged = []
  logTo((line) => logged.push(line))
})

test('what is found is neither prepared nor created', async () => {
  const [prepare, create] = [vi.fn(), vi.fn()]
  expect(await ensure({ title: 'network', find: async () => 'lab', prepare, create })).toBe('lab')
  expect([prepare, create].some((mock) => mock.mock.calls.length > 0)).toBe(false)
  expect(logged).toEqual(['  ok network: found'])
})

test('what is not found is created from what is prepared, and stages of its preparation come first', async () => {
  const result = await ensure({
    title: 'image',
    find: async () => undefined,
    prepare: () => ensure({ title: 'program', find: async () => undefined, create: async () => 'path' }),
    create: async (program) => `image of ${program}`,
  })
  expect(result).toBe('image of path')
  expect(logged.map((line) => line.replace(/[\d.]+ s$/, 'T s'))).toEqual([
    '  .. program',
    '  ok program: T s',
    '  .. image',
    '  ok image: T s',
  ])
})

test('a failure is logged with its stage and thrown on', async () => {
  const failing = ensure({
    title: 'image',
    find: async () => undefined,
    create: async () => {
      throw new Error('no space left')
    },
  })
  await expect(failing).rejects.toThrow('no space left')
  expect(logged.at(-1)).toMatch(/^FAIL image: after /)
})
