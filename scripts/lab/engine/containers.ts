import { attempt, run } from '../../host/subprocess.ts'
import { waitFor } from '../host/wait.ts'
import { labels } from './labels.ts'

/** Starts a container of a machine image that runs containerd and nothing else, and waits until containerd answers. */
export async function runContainerd(name: string, image: string, network: string): Promise<void> {
  await removeContainers([name])
  const flags = ['--detach', '--privileged', '--name', name, ...labels, '--network', network, '--entrypoint', 'sleep']
  await run`docker run ${flags} ${image} infinity`
  await run`docker exec --detach ${name} containerd`
  await waitFor('containerd answers', 60, () => attempt`docker exec ${name} ctr version`)
}

/** Removes containers, running or not, with their anonymous volumes. SIGINT and SIGTERM do not stop it. */
export async function removeContainers(names: readonly string[]): Promise<void> {
  if (names.length === 0) return
  await run({ ignoresInterruption: true })`docker rm --force --volumes ${names}`
}
