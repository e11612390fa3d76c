import { existsSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { log } from '../../host/progress.ts'
import { run } from '../../host/subprocess.ts'
import { UserError } from '../../host/user-error.ts'
import { debian } from './versions.ts'

const sourceList = '/etc/apt/sources.list.d/capd-kubeadm-upgrader.list'
const preferences = '/etc/apt/preferences.d/capd-kubeadm-upgrader'

/** Whether the lab may install packages: only as root on Debian. */
export function isRootOnDebian(): boolean {
  return existsSync('/etc/debian_version') && process.getuid?.() === 0
}

/** Installs packages of the Debian release that the machine images are made of, and logs them first. */
export async function installPackages(packages: string[]): Promise<void> {
  const mirror = await debianMirror()
  log(`     Adding Debian ${debian} with a low priority: ${sourceList}, ${preferences}`)
  await writeFile(sourceList, `deb ${mirror} ${debian} main\n`)
  // Under 500, so that apt takes nothing from there unless it is named (apt_preferences(5)).
  await writeFile(preferences, `Package: *\nPin: release n=${debian}\nPin-Priority: 100\n`)
  log(`     Installing from it, with dependencies: ${packages.join(', ')}`)
  const apt = run({ env: { DEBIAN_FRONTEND: 'noninteractive' } })
  await apt`apt-get update`
  const keepConfiguration = 'Dpkg::Options::=--force-confold'
  await apt`apt-get install -y --no-install-recommends -o ${keepConfiguration} -t ${debian} ${packages}`
}

/** Removes the release from apt's lists. Installed packages stay. */
export async function removeSourceList(): Promise<void> {
  await Promise.all([sourceList, preferences].map((file) => rm(file, { force: true })))
}

/** The mirror from which this host gets Debian. Throws `UserError` where apt has none. */
export async function debianMirror(): Promise<string> {
  const known = await knownMirror()
  if (known) return known
  await run`apt-get update`
  const found = await knownMirror()
  if (!found) throw new UserError('apt has no Debian mirror.', 'add one to /etc/apt/sources.list.d')
  return found
}

async function knownMirror(): Promise<string | undefined> {
  const targets = await run`apt-get indextargets --format ${'$(REPO_URI) $(ORIGIN) $(LABEL)'}`
  const target = targets.split('\n').find((line) => line.endsWith(' Debian Debian'))
  return target?.slice(0, target.indexOf(' '))
}
