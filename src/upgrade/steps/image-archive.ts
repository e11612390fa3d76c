import { readFileSync } from 'node:fs'
import { UpgradeError } from '../../errors/upgrade-error.ts'
import { namesFullDisk } from '../../machine/disk-full.ts'
import { missingImages } from '../images.ts'
import { type Context, type Step, waiting, workDirectory } from '../step.ts'

const script = readFileSync(new URL('image-archive.sh', import.meta.url), 'utf8')

// Takes the images out of a container of the target's node image on the same engine, straight onto the machine's
// /var volume: they cross neither a network nor this service.
export const imageArchive: Step = {
  name: 'image-archive',
  doing: 'taking the Kubernetes images from the node image',
  limitSeconds: 900,
  pollSeconds: 2,
  async done(context) {
    const archive = `${workDirectory(context.target)}/images.tar`
    const isThere = (await context.machine.has(archive)) || (await missingImages(context)).needed.length === 0
    return isThere ? 'done' : waiting('the image archive')
  },
  async apply(context) {
    const { engine, machine, target, sources } = context
    const image = sources.nodeImage.replaceAll('{version}', target)
    await refuseFailed(context, image)
    const { varVolume } = await engine.inspect(machine.name)
    if (varVolume === undefined) throw new UpgradeError('VAR_VOLUME_MISSING', { name: machine.name })
    const directory = workDirectory(target).replace('/var/', '/machine/')
    const { needed, welcome } = await missingImages(context)
    // One that was at work may have ended since the look.
    if ((await imageArchive.done(context)) === 'done') return
    await engine.helper({
      // One a machine: while it runs, the engine refuses a second, and a second that comes later finds the archive
      // there.
      name: `capd-kubeadm-upgrader-images-${machine.name}`,
      image,
      argv: ['sh', '-c', script, 'image-archive', directory, ...needed, ...welcome.map((name) => `?${name}`)],
      volumes: { [varVolume]: '/machine' },
    })
  },
}

// What the helper wrote when it could not do its work; taken away, so that the next look starts a new one.
async function refuseFailed({ machine, target }: Context, image: string): Promise<void> {
  const take = 'cat "$1" 2>/dev/null && rm -f "$1"'
  const { exitCode, stdout } = await machine.attempt([
    'sh',
    '-c',
    take,
    'take',
    `${workDirectory(target)}/images.failed`,
  ])
  const isThere = exitCode === 0
  if (!isThere) return
  const missing = /^lacks (.*)$/m.exec(stdout)?.[1]
  if (missing !== undefined) throw new UpgradeError('IMAGE_SOURCE_LACKS', { image, missing })
  // An empty one: not even the reason could be written.
  const isDiskFull = stdout === '' || namesFullDisk(stdout)
  throw new UpgradeError(isDiskFull ? 'DISK_FULL' : 'IMAGES_NOT_LOADED', {}, { detail: stdout })
}
