import { existsSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { say } from '../../host/progress.ts'
import { run } from '../../host/run.ts'
import { UserError } from '../../host/user-error.ts'
import { debian } from './versions.ts'

const list = '/etc/apt/sources.list.d/capd-kubeadm-upgrader.list'
const pin = '/etc/apt/preferences.d/capd-kubeadm-upgrader'

// Only there does the lab install packages.
export const onDebianAsRoot = () => existsSync('/etc/debian_version') && process.getuid?.() === 0

// Installs packages of the release that the machine images are made of, and says so first.
export async function install(packages: string[]) {
  const address = await mirror()
  say(`     Adding Debian ${debian} with a low priority: ${list}, ${pin}`)
  await writeFile(list, `deb ${address} ${debian} main\n`)
  // Under 500, so that nothing is taken from there by itself (apt_preferences(5)).
  await writeFile(pin, `Package: *\nPin: release n=${debian}\nPin-Priority: 100\n`)
  say(`     Installing from it: ${packages.join(', ')}, and what they need`)
  const options = ['-y', '--no-install-recommends', '-o', 'Dpkg::Options::=--force-confold', '-t', debian]
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  await run('apt-get', ['update'], { env })
  await run('apt-get', ['install', ...options, ...packages], { env })
}

// Takes the release out of apt's lists again; what was installed stays.
export async function forgetRelease() {
  await Promise.all([list, pin].map((file) => rm(file, { force: true })))
}

// The mirror that this machine itself gets Debian from.
export async function mirror() {
  const known = await knownMirror()
  if (known) return known
  await run('apt-get', ['update'])
  const found = await knownMirror()
  if (!found) throw new UserError('apt knows no Debian mirror.', 'add one below /etc/apt/sources.list.d')
  return found
}

async function knownMirror() {
  const targets = await run('apt-get', ['indextargets', '--format', '$(REPO_URI) $(ORIGIN) $(LABEL)'])
  const target = targets.split('\n').find((line) => line.endsWith(' Debian Debian'))
  return target?.split(' ')[0]
}
