import { readFile } from 'node:fs/promises'
import { log } from '../../host/progress.ts'
import { run } from '../../host/subprocess.ts'
import type { Prerequisite } from './prerequisite.ts'

const setting = 'fs.inotify.max_user_instances'
const minimum = 1024

/**
 * Enough inotify instances for a dozen machines, until the host restarts. systemd and the kubelet of a machine take about
 * twenty, and the usual limit is 128 for all processes of root. At the limit containerd serves no CRI, and kubeadm fails.
 */
export const inotifyInstances: Prerequisite<number> = {
  title: `${setting} of ${minimum} or more`,
  find: async () => {
    const limit = await readFile(`/proc/sys/${setting.replaceAll('.', '/')}`, 'utf8').catch(() => undefined)
    // Not Linux: the engine has a host of its own.
    if (limit === undefined) return minimum
    return Number(limit) >= minimum ? Number(limit) : undefined
  },
  create: async () => {
    const assignment = `${setting}=${minimum}`
    log(`     sysctl --write ${assignment}`)
    await run({ next: `sudo sysctl --write ${assignment}` })`sysctl --write ${assignment}`
    return minimum
  },
}
