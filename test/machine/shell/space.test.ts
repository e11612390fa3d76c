import { describe, expect, test } from 'vitest'
import { stateDirectory } from '../../../src/machine/machine.ts'
import { observe } from '../../../src/machine/observe.ts'
import { startQuickLab } from '../../fake-docker/lab.ts'
import { mirrorOf } from './mirror.ts'
import { realMachine } from './real-machine.ts'

// MiB that are free on the file systems of these directories, and that etcd's data takes.
async function spaceOf(free: Record<string, number>, etcd?: number) {
  const root = mirrorOf(startQuickLab('w-1'), 'w-1')
  for (const place of Object.keys(free)) root.write(`${place}/x`, '')
  const cases = Object.entries(free).map(([place, mebibytes]) => `*${place}) free=${mebibytes} ;;`)
  root.program('/stand-ins/df', `case $2 in ${cases.join(' ')} esac; echo head; echo "disk 1 1 $((free * 1024)) 1% $2"`)
  root.program('/stand-ins/du', `printf '${etcd}\\t%s\\n' "$2"`)
  if (etcd !== undefined) root.write('/var/lib/etcd/member/wal', '')
  return (await observe(realMachine(root), { sections: ['space'] })).space
}

describe.skipIf(process.platform !== 'linux')('space', () => {
  test('is that of each place', async () => {
    const free = { [stateDirectory]: 1000, '/var/lib/containerd': 2000, '/etc/kubernetes/tmp': 3000 }
    expect(await spaceOf(free, 200)).toEqual({ free: new Map(Object.entries(free)), etcdDataMiB: 200 })
  })

  test('is that of the nearest directory above where a place is not there yet', async () => {
    const { free } = await spaceOf({ '/var/lib': 999, '/etc/kubernetes': 2000 })
    expect(Object.fromEntries(free)).toEqual({
      [stateDirectory]: 999,
      '/var/lib/containerd': 999,
      '/etc/kubernetes/tmp': 2000,
    })
  })

  test('of etcd is none where it has no data here', async () => {
    expect((await spaceOf({ '/var/lib': 999, '/etc': 999 })).etcdDataMiB).toBe(0)
  })
})
