import { join } from 'node:path'
import { interruptible, run } from '../../host/run.ts'
import { canPull, changes, docker, imageInputs, pull } from '../engine/docker.ts'
import { goSources, inputsHash, withStaging } from '../host/cache.ts'
import { alone } from '../host/lock.ts'
import { need } from '../host/stage.ts'
import { program } from './programs.ts'

// Kubernetes' own for tests, and ours that does this one thing.
const published = 'registry.k8s.io/e2e-test-images/agnhost:2.53'
const built = 'capd-kubeadm-upgrader/serve:dev'

// An image on the engine that answers HTTP at port 8080 when it is run with the argument netexec.
export async function servingImage(): Promise<string> {
  const hash = await inputsHash('serve', join(goSources, 'serve'))
  return interruptible(() =>
    alone(() =>
      need({
        title: 'image of a Pod that answers',
        there: async () => {
          if ((await imageInputs(published)) !== undefined) return published
          return (await imageInputs(built)) === hash ? built : undefined
        },
        needs: async () => ((await canPull(published)) ? undefined : program('serve')),
        make: async (serve) => {
          if (serve) await build(serve, hash)
          else await pull(published)
          return serve ? built : published
        },
      }),
    ),
  )
}

async function build(serve: string, hash: string) {
  await withStaging('serve-image', async (staging) => {
    const archive = join(staging, 'root.tar')
    await run('tar', ['-C', join(serve, '..'), '--owner=0', '--group=0', '-cf', archive, 'serve'])
    await docker('import', [...changes(hash, 'ENTRYPOINT ["/serve"]'), archive, built])
  })
}
