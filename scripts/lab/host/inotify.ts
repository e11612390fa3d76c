import { readFile } from 'node:fs/promises'
import { say } from '../../host/progress.ts'
import { run } from '../../host/run.ts'
import type { Stage } from './stage.ts'

// systemd and the kubelet of each machine take about twenty, and a host usually has 128 for all that runs as root.
// Without one containerd serves no CRI, and kubeadm gives up.
const setting = 'fs.inotify.max_user_instances'
const wanted = 1024

// Room for a dozen machines and more, until the host is started again.
export const inotify: Stage<number> = {
  title: `${setting} of ${wanted} or more`,
  there: async () => {
    const limit = await readFile(`/proc/sys/${setting.replaceAll('.', '/')}`, 'utf8').catch(() => undefined)
    if (limit === undefined) return wanted // not Linux: the engine has a host of its own
    return Number(limit) >= wanted ? Number(limit) : undefined
  },
  make: async () => {
    const args = ['--write', `${setting}=${wanted}`]
    say(`     sysctl ${args.join(' ')}`)
    await run('sysctl', args, { next: `sudo sysctl ${args.join(' ')}` })
    return wanted
  },
}
