import { spawn } from 'node:child_process'
import { existsSync, openSync } from 'node:fs'
import { readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { log } from '../../host/progress.ts'
import { attempt, run } from '../../host/subprocess.ts'
import { installPackages, isRootOnDebian } from '../host/apt.ts'
import { cache } from '../host/cache.ts'
import type { Prerequisite } from '../host/prerequisite.ts'
import { waitFor } from '../host/wait.ts'

const pidFile = join(cache, 'dockerd.pid')
const logFile = join(cache, 'dockerd.log')

/**
 * A Docker engine: the one that answers at DOCKER_HOST or the default socket, else Debian's, which the lab installs and
 * starts. Throws `UserError` with docker's own message where it cannot.
 */
export const dockerEngine: Prerequisite<string> = {
  title: 'Docker engine',
  find: engineVersion,
  create: async () => {
    if (process.env.DOCKER_HOST) await reportFailure('start the engine at DOCKER_HOST, or unset DOCKER_HOST')
    if (!isRootOnDebian()) await reportFailure('install Docker 24 or newer and start it')
    if (!existsSync('/usr/sbin/dockerd')) {
      // Not the one of Debian 12: 20.10 starts no privileged container on a host without CAP_SYS_RESOURCE.
      await installPackages(['docker.io', 'docker-cli', 'containerd', 'runc', 'iptables'])
    }
    if (!(await engineVersion())) await start()
    return run`docker version`
  },
}

/** The version of the engine; undefined when none answers. */
export async function engineVersion(): Promise<string | undefined> {
  return attempt`docker version --format {{.Server.Version}}`
}

async function reportFailure(next: string): Promise<void> {
  await run({ next })`docker version`
}

async function start(): Promise<void> {
  if (existsSync('/run/systemd/system')) await run`systemctl start docker`
  else await startDetached()
  await waitFor('dockerd answers', 60, engineVersion, `read ${logFile}`)
}

// For a host without systemd. The engine outlives this process, and `down --all` ends it.
async function startDetached(): Promise<void> {
  log(`     Starting dockerd with the log ${logFile}`)
  const logDescriptor = openSync(logFile, 'a')
  const daemon = spawn('dockerd', [], { detached: true, stdio: ['ignore', logDescriptor, logDescriptor], cwd: '/' })
  daemon.unref()
  await writeFile(pidFile, `${daemon.pid}`)
}

/** Ends the engine if the lab started it, and waits for its end. */
export async function stopEngine(): Promise<void> {
  const pid = await readFile(pidFile, 'utf8').catch(() => '')
  // A process that has ended has no program, even while its parent has not collected it.
  const program = () => readlink(`/proc/${pid}/exe`).catch(() => '')
  if ((await program()).endsWith('/dockerd')) {
    log(`     Stopping the dockerd that the lab started, process ${pid}`)
    process.kill(Number(pid), 'SIGTERM')
    await waitFor('dockerd has ended', 60, async () => (await program()) === '', `read ${logFile}`)
  }
  await rm(pidFile, { force: true })
}
