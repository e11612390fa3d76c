import { execa } from 'execa'

/**
 * Watches the Docker engine's exec events in the machines of a cluster. The returned function stops the watch and returns
 * the commands that the updater ran, one line each: container and command. The updater puts a time limit in front of each
 * command, which CAPD and kind do not.
 */
export function watchExecs(cluster: string): () => Promise<string[]> {
  const filters = ['--filter=event=exec_create', `--filter=label=io.x-k8s.kind.cluster=${cluster}`]
  const events = execa('docker', ['events', ...filters, '--format={{.Actor.Attributes.name}} {{.Action}}'], {
    reject: false,
    stdin: 'ignore',
  })
  return async () => {
    events.kill()
    const { stdout } = await events
    return stdout.split('\n').filter((line) => / exec_create: timeout -k 5 /.test(line))
  }
}
