import { createHash } from 'node:crypto'
import type { SimulatedMachine } from './machine.ts'

const applied = '/var/lib/capd-kubeadm-upgrader/files/applied'

// What observe.sh prints on a simulated machine.
export function observeMachine(machine: SimulatedMachine, [state = '', role, words = '', ...paths]: string[]): string {
  if (role !== machine.role) throw new Error(`a ${machine.role} was observed as a ${role}`)
  const sections = words.split(' ')
  const document: Record<string, unknown> = { ...always(machine, state), ...processesIf(machine, sections) }
  if (sections.includes('host')) document.host = done(host(machine).join('\n'))
  if (sections.includes('kubelet')) document.kubelet = done(kubelet(machine))
  if (sections.includes('pods')) {
    document.containers = machine.containerdAnswers ? done(containers(machine)) : failed('ctr: connection refused')
    document.images = machine.containerdAnswers ? done(images(machine)) : failed('ctr: connection refused')
  }
  if (sections.includes('manifests')) Object.assign(document, manifests(machine))
  if (sections.includes('units')) {
    document.units = done(machine.units.show())
    document.logs = done(machine.units.logs())
  }
  if (sections.includes('work')) Object.assign(document, work(machine, state))
  if (sections.includes('space')) document.space = done(space(machine, state))
  if (sections.includes('etcd') && 'etcd' in machine.manifests) {
    document.etcd = done(`{"health":"${machine.etcdHealthy}","reason":""}`)
  }
  if (paths.length > 0) document.api = paths.map((path) => ({ path: base64(path), answer: read(machine, path) }))
  return `${JSON.stringify(document)}\n`
}

function always(machine: SimulatedMachine, state: string) {
  const { bootId, clock, files, ca } = machine
  const record = files.get(`${state}/attempt.json`)
  return {
    bootId,
    uptime: machine.uptime,
    now: Math.floor(clock.now() / 1000),
    recordDigest: record === undefined ? '' : createHash('sha256').update(record).digest('hex'),
    ...(record === undefined ? {} : { record: base64(record) }),
    ca: base64(ca),
  }
}

function host({ host, containerdAnswers }: SimulatedMachine): string[] {
  return containerdAnswers ? host : host.filter((line) => !line.startsWith('Containerd='))
}

function kubelet(machine: SimulatedMachine): string {
  const { pid, restarts, version, startedAt, healthy } = machine.lookAtKubelet()
  const process = [
    `Version=Kubernetes ${version}`,
    `Age=${machine.uptime - startedAt}`,
    `Health=${healthy ? 'ok' : ''}`,
  ]
  const run = [`MainPID=${pid}`, `NRestarts=${restarts}`, `InvocationID=${machine.kubeletRun}`]
  return [...run, ...(pid === 0 ? [] : process)].join('\n')
}

function containers(machine: SimulatedMachine): string {
  const lines = [...machine.containers].map(([id, image]) => {
    const age = machine.uptime - (machine.containerStarts.get(id) ?? 0)
    return `${id} ${age} ${image}`
  })
  return lines.join('\n')
}

function images({ images }: SimulatedMachine): string {
  return [...images].map(([name, digest]) => `${name} ${digest}`).join('\n')
}

function manifests(machine: SimulatedMachine) {
  const yaml = (manifest: string) => {
    const [image, ...command] = manifest.split(' ')
    return JSON.stringify({ kind: 'Pod', spec: { containers: [{ name: 'main', image, command }] } })
  }
  const found = Object.entries(machine.manifests).map(([name, image]) => [`${name}.yaml`, base64(yaml(image))])
  return {
    manifests: { '': '', ...Object.fromEntries(found) },
    ...(machine.isDirectory('/var/lib/etcd/member') ? { etcdData: true } : {}),
  }
}

function processesIf(machine: SimulatedMachine, sections: string[]) {
  return sections.includes('processes') ? { processes: done(processes(machine)) } : {}
}

function processes({ running }: SimulatedMachine): string {
  const lines = [...running].map(([pod, manifest]) => {
    const command = manifest.split(' ').slice(1).join('\0')
    return `${pod} -${base64(command)} - -`
  })
  return lines.join('\n')
}

function work(machine: SimulatedMachine, state: string) {
  const directory = `${state}/work`
  const text = (name: string, path: string) => {
    const content = machine.files.get(path)
    return content === undefined ? {} : { [name]: base64(content) }
  }
  const below = [...machine.files.keys()].filter((path) => path.startsWith(`${directory}/`))
  const entries = new Set(below.map((path) => path.slice(directory.length + 1).split('/')[0]))
  const digests = [...machine.files].filter(([path]) => path.startsWith(`${applied}/`))
  return {
    ...(below.length > 0 ? { work: base64([...entries].join('\n')) } : {}),
    ...text('workKey', `${directory}/key`),
    ...text('neededImages', `${directory}/images.list`),
    ...text('binariesFailed', `${directory}/bin.failed`),
    ...text('imagesFailed', `${directory}/images.failed`),
    ...text('exchangeRefused', `${directory}/exchange.refused`),
    ...text('movedByKubeadm', `${directory}/kubeadm.moved`),
    ...(digests.length > 0 ? { applied: done(digests.map(([path, text]) => `${path}:${text}`).join('\n')) } : {}),
  }
}

function space(machine: SimulatedMachine, state: string): string {
  const places = [state, '/var/lib/containerd', '/etc/kubernetes/tmp']
  const lines = places.map((path) => `${path} ${machine.freeMiB}`)
  return [...lines, ...(machine.isDirectory('/var/lib/etcd') ? ['etcd-data 100'] : [])].join('\n')
}

function read(machine: SimulatedMachine, path: string) {
  const { exitCode, stdout, stderr } = machine.cluster.get(machine, path)
  return exitCode === 0 ? done(stdout) : { exitCode, text: base64(stderr) }
}

// A shell takes the newlines at its end from what a command prints.
function done(text: string) {
  return { exitCode: 0, text: base64(text.replace(/\n+$/, '')) }
}

function failed(text: string) {
  return { exitCode: 1, text: base64(text) }
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}
