import type { SimulatedMachine } from './machine.ts'

const notes = '/var/lib/capd-kubeadm-upgrader/leftovers'
const kubeadms = '/etc/kubernetes/tmp/'

/** What kubeadm.sh does before it runs kubeadm, and kubeadm at its beginning: a copy of etcd's data. */
export function copyEtcd(machine: SimulatedMachine): void {
  const { clock, files } = machine
  if (!machine.isDirectory(`${notes}/before`)) {
    files.set(`${notes}/before/.`, '')
    for (const name of copiesIn(machine)) files.set(`${notes}/before/${name}`, '')
  }
  files.set(`${kubeadms}kubeadm-backup-etcd-${clock.now()}/etcd`, 'data')
}

/** What kubeadm.sh does after it. */
export function noteCopies(machine: SimulatedMachine): void {
  for (const name of copiesIn(machine)) {
    if (!machine.files.has(`${notes}/before/${name}`)) machine.files.set(`${notes}/${name}`, '')
  }
  machine.removeDirectory(`${notes}/before`)
}

/** What tidy.sh does. */
export function removeCopies(machine: SimulatedMachine): void {
  const { files } = machine
  const wasCutOff = machine.isDirectory(`${notes}/before`)
  for (const name of copiesIn(machine)) {
    const isOurs = files.has(`${notes}/${name}`) || (wasCutOff && !files.has(`${notes}/before/${name}`))
    if (isOurs) machine.removeDirectory(`${kubeadms}${name}`)
  }
  machine.removeDirectory(notes)
}

function copiesIn({ files }: SimulatedMachine): Set<string> {
  const paths = [...files.keys()].filter((path) => path.startsWith(`${kubeadms}kubeadm-backup-etcd-`))
  return new Set(paths.map((path) => path.slice(kubeadms.length).replace(/\/.*/, '')))
}
