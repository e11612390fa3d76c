import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Change, change } from '../../../src/machine/change.ts'
import { stateDirectory } from '../../../src/machine/machine.ts'
import { begin, clear, digestIn, machineWith, recordPath, start, unit, work } from './changes.ts'
import { bytesIn, leftIn } from './real-machine.ts'
import { addSystemd, addUnit, unitsOf } from './systemd.ts'

const atWork = [
  { active: 'active', sub: 'running' },
  { active: 'activating', sub: 'start' },
  { active: 'activating', sub: 'auto-restart' },
  { active: 'deactivating', sub: 'stop-sigterm' },
  { active: 'reloading', sub: 'reload' },
]
const ended = [
  { active: 'active', sub: 'exited' },
  { active: 'failed', sub: 'failed' },
]
const other = 'capd-kubeadm-upgrader-kubeadm'

describe.skipIf(process.platform !== 'linux')('units', () => {
  // The host of these tests may have proxies of its own.
  beforeEach(() => {
    for (const name of Object.keys(process.env)) if (/_proxy$/i.test(name)) vi.stubEnv(name, undefined)
  })
  afterEach(() => void vi.unstubAllEnvs())

  test.each(atWork)('a unit that is $active ($sub) stands in the way of begin, start and run', async (shown) => {
    const run: Change = { kind: 'run', script: { name: 'none', text: 'exit 1' }, args: [] }
    for (const wanted of [{ ...begin, endable: [unit, 'capd-kubeadm-upgrader-kube'] }, start(), run]) {
      const { root, machine } = machineWith()
      root.write(`${work}/bin/kubeadm`, 'staged')
      addUnit(root, other, shown)
      expect(await change(machine, { seen: '', record: 'new' }, wanted)).toEqual({ kind: 'busy' })
      expect(unitsOf(root)).toEqual([other])
      expect(root.has(recordPath)).toBe(false)
      expect(bytesIn(root, `${work}/bin/kubeadm`)).toBe('staged')
    }
  })

  test('a unit that may be ended is, and so is what it has staged', async () => {
    const { root, machine } = machineWith()
    root.write(`${work}/bin/kubeadm`, 'staged')
    addUnit(root, unit, { active: 'active', sub: 'running' })
    const wanted: Change = { kind: 'begin', key: 'k', endable: ['x', unit] }
    expect(await change(machine, { seen: '', record: 'new' }, wanted)).toMatchObject({ kind: 'made' })
    expect(unitsOf(root)).toEqual([])
    expect(leftIn(root, work)).toEqual(['key'])
    expect(leftIn(root, stateDirectory)).toEqual(['attempt.json', 'work'])
  })

  test.each(ended)('a unit that is $active ($sub) is forgotten by begin, and started again by start', async (shown) => {
    const { root, machine } = machineWith()
    addUnit(root, unit, shown)
    expect(await change(machine, { seen: '', record: undefined }, start())).toMatchObject({ kind: 'made' })
    expect(root.calls().filter((call) => call.startsWith('systemd-run'))).toHaveLength(1)
    addUnit(root, unit, shown)
    expect(await change(machine, { seen: '', record: undefined }, begin)).toMatchObject({ kind: 'made' })
    expect(unitsOf(root)).toEqual([])
  })

  test('a unit that systemd refuses is a failure with its words, and can be started later', async () => {
    const { root, machine } = machineWith()
    root.program('/stand-ins/systemd-run', 'echo "Failed to start transient service unit" >&2; exit 1')
    await expect(change(machine, { seen: '', record: 'new' }, start())).rejects.toMatchObject({
      code: 'EXEC_FAILED',
      detail: expect.stringContaining('Failed to start transient service unit'),
    })
    addSystemd(root)
    const swap = { seen: digestIn(root), record: 'new' }
    expect(await change(machine, swap, start())).toMatchObject({ kind: 'made' })
  })

  test.each([
    ['begin', begin],
    ['start', start()],
  ] as const)('%s changes nothing while systemd does not answer', async (_, wanted) => {
    const { root, machine } = machineWith()
    root.write(`${work}/bin/kubeadm`, 'staged')
    root.program('/stand-ins/systemctl', 'echo "Failed to connect to bus" >&2; exit 1')
    await expect(change(machine, { seen: '', record: 'new' }, wanted)).rejects.toMatchObject({ code: 'EXEC_FAILED' })
    expect(root.has(recordPath)).toBe(false)
    expect(bytesIn(root, `${work}/bin/kubeadm`)).toBe('staged')
    expect(root.calls().some((call) => call.startsWith('systemd-run') || call.includes(' stop '))).toBe(false)
  })

  test('a unit gets its limit, its script with its arguments, and its input', async () => {
    const { root, machine } = machineWith()
    const text = 'echo "$1"\n# a comment\n'
    const wanted: Change = {
      kind: 'start',
      unit,
      limitSeconds: 42,
      script: { name: 'of-a-test', text },
      args: ['a b', "'"],
      input: 'in',
    }
    await change(machine, { seen: '', record: 'new' }, wanted)
    const called = root.calls().find((call) => call.startsWith('systemd-run'))
    expect(called).toContain(`--unit=${unit} `)
    expect(called).toContain('--property=RuntimeMaxSec=42 ')
    expect(called).toContain(`--property=StandardInput=file:${work}/${unit}.input sh ${work}/${unit}.sh a b '`)
    expect(bytesIn(root, `${work}/${unit}.sh`)).toBe(`${text}\n`)
  })

  test('a unit has the proxies of the container, as an exec of kubeadm has them', async () => {
    const { root, machine } = machineWith()
    const proxies = {
      HTTPS_PROXY: 'http://proxy:3128',
      no_proxy: 'a, $(reboot) "b" %h',
      My_Proxy: 'x',
      FTP_PROXY: '',
      proxy: 'no',
      http_proxy_of: 'no',
    }
    for (const [name, value] of Object.entries(proxies)) vi.stubEnv(name, value)
    await change(machine, { seen: '', record: 'new' }, start())
    const called = root.calls().find((call) => call.startsWith('systemd-run')) ?? ''
    const given = [...called.matchAll(/--setenv=(.*?)(?= --setenv=| sh )/g)].map(([, pair]) => pair).sort()
    expect(given).toEqual(['HTTPS_PROXY=http://proxy:3128', 'My_Proxy=x', 'no_proxy=a, $(reboot) "b" %h'])
  })

  test('a unit starts a service when it ends, where one is named', async () => {
    const { root, machine } = machineWith()
    await change(machine, { seen: '', record: undefined }, { ...start(), service: 'kubelet' })
    const called = root.calls().find((call) => call.startsWith('systemd-run'))
    expect(called).toContain(` --property=ExecStopPost=/bin/sh -c "systemctl start kubelet" sh ${work}/${unit}.sh`)
    await change(machine, { seen: '', record: undefined }, start())
    expect(root.calls().filter((call) => call.includes('ExecStopPost'))).toHaveLength(1)
  })

  test.each([
    ['another run of it is there', { active: 'failed', sub: 'failed', invocationId: 'run-2' }],
    ['it runs again', { active: 'active', sub: 'running' }],
  ])('clear leaves a unit alone when %s', async (_, shown) => {
    const { root, machine } = machineWith('old')
    addUnit(root, unit, shown)
    const swap = { seen: digestIn(root), record: 'new' }
    expect(await change(machine, swap, clear)).toEqual({ kind: 'differs' })
    expect(bytesIn(root, recordPath)).toBe('old\n')
    expect(unitsOf(root)).toEqual([unit])
  })

  test.each(ended)('clear forgets a unit that is $active ($sub), and no other', async (shown) => {
    const { root, machine } = machineWith()
    addUnit(root, unit, shown)
    addUnit(root, other, { active: 'active', sub: 'running' })
    expect(await change(machine, { seen: '', record: 'new' }, clear)).toMatchObject({ kind: 'made' })
    expect(unitsOf(root)).toEqual([other])
  })
})
