import { spawn } from 'node:child_process'
import { existsSync, openSync } from 'node:fs'
import { readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { say } from '../../host/progress.ts'
import { attempt, run } from '../../host/run.ts'
import { cache } from '../host/cache.ts'
import { install, onDebianAsRoot } from '../host/debian.ts'
import { poll } from '../host/poll.ts'
import type { Stage } from '../host/stage.ts'

const pidFile = join(cache, 'dockerd.pid')
const logFile = join(cache, 'dockerd.log')

// A Docker engine: the one that answers at DOCKER_HOST or the default socket, else Debian's, started by us.
export const engine: Stage<string> = {
  title: 'Docker engine',
  there: engineVersion,
  make: async () => {
    if (process.env.DOCKER_HOST) await explain('start the engine at DOCKER_HOST, or unset DOCKER_HOST')
    if (!onDebianAsRoot()) await explain('install Docker 24 or newer and start it')
    if (!existsSync('/usr/sbin/dockerd')) {
      // Not Debian 12's own: 20.10 starts no privileged container where CAP_SYS_RESOURCE is missing.
      await install(['docker.io', 'docker-cli', 'containerd', 'runc', 'iptables'])
    }
    if (!(await engineVersion())) await start()
    return run('docker', ['version'])
  },
}

export function engineVersion() {
  return attempt('docker', ['version', '--format', '{{.Server.Version}}'])
}

// Fails with docker's own words.
function explain(next: string) {
  return run('docker', ['version'], { next })
}

async function start() {
  if (existsSync('/run/systemd/system')) await run('systemctl', ['start', 'docker'])
  else await startDetached()
  await poll('dockerd answers', 60, engineVersion, `read ${logFile}`)
}

// On a host without systemd. It outlives us; `down --all` ends it.
async function startDetached() {
  say(`     Starting dockerd, with its log in ${logFile}`)
  const log = openSync(logFile, 'a')
  const daemon = spawn('dockerd', [], { detached: true, stdio: ['ignore', log, log], cwd: '/' })
  daemon.unref()
  await writeFile(pidFile, `${daemon.pid}`)
}

// Ends the engine if it is the one that we started.
export async function stopEngine() {
  const pid = await readFile(pidFile, 'utf8').catch(() => '')
  // The program of a process that runs: one that has ended and was not waited for has none.
  const program = () => readlink(`/proc/${pid}/exe`).catch(() => '')
  if ((await program()).endsWith('/dockerd')) {
    say(`     Stopping the dockerd that the lab started, process ${pid}`)
    process.kill(Number(pid), 'SIGTERM')
    await poll('dockerd has ended', 60, async () => !(await program()), `read ${logFile}`)
  }
  await rm(pidFile, { force: true })
}
