import { existsSync } from 'node:fs'
import { run } from '../../host/run.ts'
import { UserError } from '../../host/user-error.ts'
import { changes, docker, imageInputs } from '../engine/docker.ts'
import { inputsHash, withStaging } from '../host/cache.ts'
import { install, mirror, onDebianAsRoot } from '../host/debian.ts'
import { need } from '../host/stage.ts'
import { debian } from '../host/versions.ts'

const name = 'capd-kubeadm-upgrader/debian'

// No D-Bus: kind's images have none either, and what works with them has to work without it.
const packages = [
  ...['systemd', 'systemd-sysv', 'kmod', 'procps', 'bash', 'ca-certificates', 'curl', 'jq', 'netbase'],
  ...['conntrack', 'iptables', 'nftables', 'iproute2', 'ethtool', 'socat', 'libseccomp2'],
  ...['containerd', 'runc', 'containernetworking-plugins'],
]

export const debianHash = () => inputsHash({ debian, packages })

// A Debian with systemd and containerd, from Debian's packages alone.
export async function debianImage(): Promise<string> {
  const hash = await debianHash()
  return need({
    title: `Debian ${debian} with systemd and containerd`,
    there: async () => ((await imageInputs(name)) === hash ? name : undefined),
    make: async () => {
      if (!onDebianAsRoot()) {
        const next = 'kind build node-image <version> --image kindest/node:<version>, then this again'
        throw new UserError('Only root on Debian can build the machine images from packages.', next)
      }
      if (!existsSync('/usr/sbin/debootstrap')) await install(['debootstrap'])
      await withStaging('debian', (staging) => bootstrap(staging, hash))
      return name
    },
  })
}

async function bootstrap(staging: string, hash: string) {
  const [root, archive] = [`${staging}/root`, `${staging}/root.tar`]
  const options = ['--variant=minbase', `--include=${packages.join(',')}`, debian, root, await mirror()]
  // In a mount namespace of its own: whatever it mounts below the folder ends with it, however it ends.
  await run('unshare', ['--mount', 'debootstrap', ...options], { seconds: 1200 })
  const exclude = '--exclude=./var/cache/apt/archives/*.deb'
  await run('tar', ['-C', root, '--numeric-owner', exclude, '-cf', archive, '.'])
  await docker('import', [...changes(hash), archive, name])
}
