import { expect, test } from 'vitest'
import { observe } from '../../../src/machine/observe.ts'
import { startQuickLab } from '../../fake-docker/lab.ts'
import type { Root } from '../../upgrade/shell/rooted.ts'
import { mirrorOf } from './mirror.ts'
import { realMachine } from './real-machine.ts'

const onLinux = test.skipIf(process.platform !== 'linux')
const mountinfo = [
  '1 0 8:1 / / rw - ext4 /dev/a rw',
  '2 1 8:1 /audit /two\\040words ro,relatime - ext4 /dev/a rw',
  '',
].join('\n')

// containerd has one container of the API server, and one of another pod, each with a process.
function machine(): Root {
  const root = mirrorOf(startQuickLab('cp-1'), 'cp-1')
  root.write('/proc/sys/kernel/hostname', 'cp-1\n')
  root.write('/ctr/tasks', 'TASK PID STATUS\nid-api 1000 RUNNING\nid-other 1001 RUNNING\nid-old 1002 STOPPED\n')
  root.program(
    '/stand-ins/ctr',
    'case "$3:$*" in tasks:*) cat $MACHINE_ROOT/ctr/tasks ;; containers:*name\\"==kube-apiserver-cp-1,*) echo id-api; echo id-old ;; esac',
  )
  root.write('/proc/1000/cmdline', 'kube-apiserver\0--a=b c\0--empty=\0')
  root.write('/proc/1000/environ', 'A=one\ntwo\0B=\0')
  root.write('/proc/1000/mountinfo', mountinfo)
  return root
}

async function processesOf(root: Root, role: 'control-plane' | 'worker' = 'control-plane') {
  return (await observe(realMachine(root, role), { sections: ['processes'] })).processes
}

onLinux('a process of a static pod has its arguments, its environment and its mounts', async () => {
  const found = await processesOf(machine())
  expect([...found.keys()]).toEqual(['kube-apiserver'])
  expect(found.get('kube-apiserver')).toEqual([
    {
      command: ['kube-apiserver', '--a=b c', '--empty='],
      environment: new Set(['A=one\ntwo', 'B=']),
      mounts: new Map([
        ['/', { readOnly: false }],
        ['/two words', { readOnly: true }],
      ]),
    },
  ])
})

onLinux('containers are those of the static pods of this machine', async () => {
  const root = machine()
  await processesOf(root)
  const queried = root.calls().find((call) => call.startsWith('ctr ') && call.includes('kube-scheduler'))
  expect(queried).toBe(
    'ctr -n k8s.io containers ls -q labels."io.kubernetes.pod.namespace"==kube-system,labels."io.kubernetes.pod.name"==kube-scheduler-cp-1,labels."io.kubernetes.container.name"==kube-scheduler',
  )
})

onLinux('a process that is gone by then is none', async () => {
  const root = machine()
  root.remove('/proc/1000')
  expect((await processesOf(root)).size).toBe(0)
})

onLinux('containerd that does not answer shows no process', async () => {
  const root = machine()
  root.program('/stand-ins/ctr', 'exit 1')
  expect((await processesOf(root)).size).toBe(0)
})

onLinux('a worker is not looked at', async () => {
  const root = machine()
  await processesOf(root, 'worker')
  expect(root.calls().filter((call) => call.startsWith('ctr '))).toEqual([])
})
