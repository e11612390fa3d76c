import { execa } from 'execa'

// Listens to the engine and gives, when told to stop, the commands that the updater ran in the machines of a cluster.
// Its commands are told from those of CAPD and kind by the time limit that stands before each.
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
