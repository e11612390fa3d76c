import { expect, test } from 'vitest'
import { UpgradeError } from '../../src/errors/upgrade-error.ts'
import { recorder, serve } from './serve.ts'

// A log whose clock stands still until it is moved, and the lines that were written.
function still() {
  let time = 1000
  const { log, text } = recorder(() => time)
  const lines = () =>
    text()
      .trim()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))
  return { log, lines, pass: (seconds: number) => (time += seconds) }
}

test('the same warning is written once a minute, with the number of those that were left out', () => {
  const { log, lines, pass } = still()
  for (let i = 0; i < 300; i++) log.warn({ code: 'X' }, 'the same')
  expect(lines()).toHaveLength(1)
  expect(lines()[0]).not.toHaveProperty('repeats')
  pass(60)
  for (let i = 0; i < 5; i++) log.warn({ code: 'X' }, 'the same')
  expect(lines()).toHaveLength(2)
  expect(lines()[1]).toMatchObject({ msg: 'the same', code: 'X', repeats: 299 })
})

test('errors are treated like warnings; what is less important is always written', () => {
  const { log, lines } = still()
  for (let i = 0; i < 3; i++) log.error('an error')
  for (let i = 0; i < 3; i++) log.info('an information')
  expect(lines().map(({ msg }) => msg)).toEqual(['an error', ...Array(3).fill('an information')])
})

test('warnings that differ are all written', () => {
  const { log, lines } = still()
  log.warn('one')
  log.warn('another')
  log.error('one')
  log.child({ machine: 'm-1' }).warn('one')
  log.child({ machine: 'm-2' }).warn('one')
  log.warn({ err: new Error('a cause') }, 'one')
  log.warn({ err: new Error('another cause') }, 'one')
  log.warn({ fault: 'a' }, 'one')
  log.warn({ fault: 'b' }, 'one')
  expect(lines()).toHaveLength(9)
})

test('the same warning of a machine is folded, too, although its log is a new one each time', () => {
  const { log, lines } = still()
  for (let i = 0; i < 3; i++) log.child({ machine: 'm-1' }).warn('one')
  expect(lines()).toHaveLength(1)
})

test('the output of a command, which differs each time, does not make a warning another one', () => {
  const { log, lines } = still()
  for (let i = 0; i < 3; i++) log.warn({ detail: `line ${i}` }, 'one')
  expect(lines()).toHaveLength(1)
})

test('warnings without number leave nothing behind but the latest', () => {
  const { log, lines } = still()
  for (let i = 0; i < 501; i++) log.warn(`warning ${i}`)
  log.warn('warning 500')
  log.warn('warning 0')
  expect(lines()).toHaveLength(502)
})

test('300 wrong tokens are one line, and a number in /metrics', async () => {
  const { app, post, log } = serve()
  for (let i = 0; i < 300; i++) await post('/v1/start', '{}', { authorization: 'Bearer wrong' })
  expect(log().match(/"code":"TOKEN_WRONG"/g)).toHaveLength(1)
  const { body } = await app.inject('/metrics')
  expect(body).toContain('capd_kubeadm_upgrader_requests_refused_total{code="TOKEN_WRONG"} 300')
})

test('300 requests that are no JSON are one line', async () => {
  const { post, log } = serve()
  for (let i = 0; i < 300; i++) await post('/hooks.runtime.cluster.x-k8s.io/v1alpha1/updatemachine/update-machine', '{')
  expect(log().match(/"code":"REQUEST_NOT_JSON"/g)).toHaveLength(1)
})

test('what is written keeps the code, the cause and what to do', () => {
  const { log, lines } = still()
  const { code, todo } = new UpgradeError('TOKEN_WRONG')
  log.warn({ code, todo, err: new Error('why') }, 'text')
  expect(lines()[0]).toMatchObject({ code, todo, err: { message: 'why' }, msg: 'text', level: 40 })
})
