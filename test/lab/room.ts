import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, vi } from 'vitest'
import { logTo } from '../../scripts/host/progress.ts'

/**
 * Gives a test an empty cache of its own and its path. Modules of the lab that the test imports afterwards use it. What
 * they log is in `logged`.
 */
export async function ownCache(): Promise<{ cache: string; logged: string[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'capd-kubeadm-upgrader-test-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  vi.stubEnv('XDG_CACHE_HOME', folder)
  vi.resetModules()
  return { cache: join(folder, 'capd-kubeadm-upgrader'), logged: await captureLog() }
}

async function captureLog(): Promise<string[]> {
  const logged: string[] = []
  const progress = await import('../../scripts/host/progress.ts')
  for (const to of [logTo, progress.logTo]) to((line) => logged.push(line))
  return logged
}
