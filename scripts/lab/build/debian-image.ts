import { existsSync } from 'node:fs'
import { run } from '../../host/subprocess.ts'
import { UserError } from '../../host/user-error.ts'
import { ensureImage } from '../engine/ensure-image.ts'
import { changes } from '../engine/labels.ts'
import { debianMirror, installPackages, isRootOnDebian } from '../host/apt.ts'
import { withStaging } from '../host/cache.ts'
import { inputsHash } from '../host/hash.ts'
import { debian } from '../host/versions.ts'

const name = 'capd-kubeadm-upgrader/debian'

// Without D-Bus, because kind's images have none: what works on them has to work without it.
const packages = [
  ...['systemd', 'systemd-sysv', 'kmod', 'procps', 'bash', 'ca-certificates', 'curl', 'jq', 'netbase'],
  ...['conntrack', 'iptables', 'nftables', 'iproute2', 'ethtool', 'socat', 'libseccomp2'],
  ...['containerd', 'runc', 'containernetworking-plugins'],
]

/** The hash of what the Debian image is made from. */
export function debianHash(): Promise<string> {
  return inputsHash({ debian, packages })
}

/** Ensures an image of Debian with systemd and containerd, made from Debian packages alone, and resolves to its name. */
export function ensureDebianImage(): Promise<string> {
  return ensureImage({
    title: `Debian ${debian} with systemd and containerd`,
    built: [name],
    load: async () => {
      const hash = await debianHash()
      return { hash, prepare: ensureDebootstrap, build: () => withStaging('debian', (staging) => build(staging, hash)) }
    },
  })
}

async function ensureDebootstrap(): Promise<void> {
  if (!isRootOnDebian()) {
    const next = 'kind build node-image <version> --image kindest/node:<version>, then run this again'
    throw new UserError('Only root on Debian can build the machine images from packages.', next)
  }
  if (!existsSync('/usr/sbin/debootstrap')) await installPackages(['debootstrap'])
}

async function build(staging: string, hash: string): Promise<void> {
  const [root, archive] = [`${staging}/root`, `${staging}/root.tar`]
  const flags = ['--variant=minbase', `--include=${packages.join(',')}`]
  // In a mount namespace of its own, so that what it mounts below the folder ends with it, even when it is killed.
  const unshare = run({ timeoutSeconds: 1200 })
  await unshare`unshare --mount debootstrap ${flags} ${debian} ${root} ${await debianMirror()}`
  await run`tar -C ${root} --numeric-owner --exclude=./var/cache/apt/archives/*.deb -cf ${archive} .`
  await run`docker import ${changes(hash)} ${archive} ${name}`
}
