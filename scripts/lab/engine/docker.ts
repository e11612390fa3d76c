import { attempt, type RunOptions, run } from '../../host/run.ts'
import { inputsLabel, ours } from '../host/names.ts'
import { poll } from '../host/poll.ts'

// docker with its arguments as one line; what has spaces of its own goes into `more`.
export function docker(line: string, more: string[] = [], options: RunOptions = {}): Promise<string> {
  return run('docker', [...line.split(' '), ...more], options)
}

// The same where docker may say no: undefined.
export function tryDocker(line: string, more: string[] = [], options: RunOptions = {}) {
  return attempt('docker', [...line.split(' '), ...more], options)
}

// Options that label what is made as ours.
export const labelled = `--label ${ours}`
export const labelledFrom = (hash: string) => `${labelled} --label ${inputsLabel}=${hash}`

// The same for `docker import` and `docker commit`, with other instructions of a Dockerfile.
export function changes(hash: string, ...instructions: string[]) {
  const all = [`LABEL ${ours} ${inputsLabel}=${hash}`, ...instructions]
  return all.flatMap((instruction) => ['--change', instruction])
}

// Hash that an image of ours was made from; '' for an image that is not ours, undefined where there is none.
export async function imageInputs(name: string): Promise<string | undefined> {
  const label = `{{ with .Config.Labels }}{{ index . "${inputsLabel}" }}{{ end }}`
  return (await tryDocker('image inspect --format', [label, name]))?.trim()
}

// A manifest is small: a registry that is out of reach is known within seconds.
export async function canPull(name: string): Promise<boolean> {
  return (await tryDocker(`manifest inspect ${name}`, [], { seconds: 8 })) !== undefined
}

export function pull(name: string) {
  return docker(`pull --quiet ${name}`, [], { seconds: 1200 })
}

// Starts a container of a machine image with nothing in it but containerd.
export async function runContainerd(name: string, image: string, network: string) {
  await removeContainers([name])
  const asleep = `--network ${network} --entrypoint sleep ${image} infinity`
  await docker(`run --detach --privileged --name ${name} ${labelled} ${asleep}`)
  await docker(`exec --detach ${name} containerd`)
  await poll('containerd answers', 60, () => tryDocker(`exec ${name} ctr version`))
}

// Ends containers, running or not, with their anonymous volumes.
export async function removeContainers(names: string[]) {
  if (names.length) await docker(`rm --force --volumes ${names.join(' ')}`, [], { always: true })
}
