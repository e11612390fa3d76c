import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { UpgradeError } from '../errors/upgrade-error.ts'
import type { ApiAnswer, Host, Kubelet, Observation, Unit, Work } from './observation.ts'
import { type Manifest, manifestIn, processesIn, unknownManifest } from './pod-document.ts'

const CommandOutcome = Type.Object({ exitCode: Type.Integer(), text: Type.String() })
const Text = Type.Optional(Type.String())
const Document = Type.Object({
  bootId: Type.String({ minLength: 1 }),
  uptime: Type.Number(),
  now: Type.Number(),
  recordDigest: Type.String(),
  record: Text,
  ca: Text,
  host: Type.Optional(CommandOutcome),
  kubelet: Type.Optional(CommandOutcome),
  kubeletLog: Type.Optional(CommandOutcome),
  containers: Type.Optional(CommandOutcome),
  images: Type.Optional(CommandOutcome),
  manifests: Type.Optional(Type.Record(Type.String(), Type.String())),
  etcdData: Type.Optional(Type.Boolean()),
  units: Type.Optional(CommandOutcome),
  logs: Type.Optional(CommandOutcome),
  processes: Type.Optional(CommandOutcome),
  work: Text,
  workKey: Text,
  neededImages: Text,
  binariesFailed: Text,
  imagesFailed: Text,
  exchangeRefused: Text,
  movedByKubeadm: Text,
  applied: Type.Optional(CommandOutcome),
  space: Type.Optional(CommandOutcome),
  etcd: Type.Optional(CommandOutcome),
  api: Type.Optional(Type.Array(Type.Object({ path: Type.String(), answer: CommandOutcome }))),
})
type Document = Static<typeof Document>
type CommandOutcome = Static<typeof CommandOutcome>

const checked = Compile(Document)
// A reason can list all checks of /readyz.
const longestReason = 2000

/** Parses the document that observe.sh prints. Throws OBSERVATION_INCOMPLETE when it is cut off or has another form. */
export function parseObservation(text: string): Observation {
  const document = readDocument(text)
  return {
    bootId: document.bootId,
    uptime: document.uptime,
    now: document.now,
    record: decode(document.record),
    recordDigest: document.recordDigest,
    ca: decode(document.ca),
    host: hostIn(textOf(document.host)),
    kubelet: kubeletIn(textOf(document.kubelet), textOf(document.kubeletLog)),
    pods: podsIn(document),
    manifests: manifestsIn(document.manifests ?? {}),
    processes: processesIn(textOf(document.processes)),
    hasEtcdData: document.etcdData === true,
    units: unitsIn(textOf(document.units)),
    unitLog: textOf(document.logs),
    work: workIn(document),
    space: spaceIn(textOf(document.space)),
    etcdHealthy: document.etcd && textOf(document.etcd).includes('"health":"true"'),
    api: new Map((document.api ?? []).map(({ path, answer }) => [decode(path), answerIn(answer)])),
  }
}

function readDocument(text: string): Document {
  try {
    const document: unknown = JSON.parse(text)
    if (checked.Check(document)) return document
  } catch {
    // Handled below: a document that is cut off is not JSON.
  }
  throw new UpgradeError('OBSERVATION_INCOMPLETE')
}

function decode(base64: string | undefined): string {
  return Buffer.from(base64 ?? '', 'base64').toString()
}

function textOf(outcome: CommandOutcome | undefined): string {
  return outcome?.exitCode === 0 ? decode(outcome.text) : ''
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line.trim() !== '')
}

// Lines of the form Name=value. Other lines are skipped.
function fieldsIn(text: string): Map<string, string> {
  const fields = new Map<string, string>()
  for (const line of linesOf(text)) {
    const at = line.indexOf('=')
    if (at > 0) fields.set(line.slice(0, at), line.slice(at + 1).trim())
  }
  return fields
}

function numberIn(text: string | undefined): number {
  const value = Number(text ?? '')
  return Number.isFinite(value) ? value : 0
}

function hostIn(text: string): Host {
  const fields = fieldsIn(text)
  const cgroups = numberIn(fields.get('Cgroups'))
  const cgroupV1 = fields.get('CgroupV1')
  return {
    missing: linesOf(text).flatMap((line) => /^Missing=(.+)$/.exec(line)?.[1] ?? []),
    cgroups: cgroups === 1 || cgroups === 2 ? cgroups : undefined,
    allowsCgroupV1: cgroupV1 === 'yes' || cgroupV1 === 'no' ? cgroupV1 === 'yes' : undefined,
    containerd: fields.get('Containerd') ?? '',
  }
}

// A line of the kubelet's log: E1126 23:04:01.123456    5483 run.go:72] "command failed" err="…"
const logPrefix = /^[IWEF]\d{4} [\d:.]+ +\d+ \S+\] /

function kubeletIn(text: string, log: string): Kubelet {
  const fields = fieldsIn(text)
  return {
    pid: numberIn(fields.get('MainPID')),
    invocationId: fields.get('InvocationID') ?? '',
    restarts: numberIn(fields.get('NRestarts')),
    version: (fields.get('Version') ?? '').replace(/^Kubernetes /, ''),
    ageSeconds: numberIn(fields.get('Age')),
    healthy: fields.get('Health') === 'ok',
    lastLine: (linesOf(log).at(-1) ?? '').replace(logPrefix, '').slice(0, 300),
  }
}

function podsIn({ containers, images }: Document): Observation['pods'] {
  if (containers?.exitCode !== 0 || images?.exitCode !== 0) return undefined
  const digests = linesOf(decode(images.text)).map((line) => line.split(' '))
  return {
    containers: linesOf(decode(containers.text)).map((line) => {
      const [id = '', age, image = ''] = line.split(' ')
      return { id, image, ageSeconds: numberIn(age) }
    }),
    digests: new Map(digests.map(([name = '', digest = '']) => [name, digest])),
  }
}

// Only the manifests of these static pods are parsed. Of others only the presence matters.
const kubeadmPods = new Set(['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'etcd'])

function manifestsIn(files: Record<string, string>): Map<string, Manifest> {
  const found = new Map<string, Manifest>()
  for (const [file, content] of Object.entries(files)) {
    const pod = file.replace(/\.yaml$/, '')
    if (file !== '') found.set(pod, kubeadmPods.has(pod) ? manifestIn(decode(content)) : unknownManifest)
  }
  return found
}

// systemctl show prints one block per unit. Blocks are separated by an empty line.
function unitsIn(text: string): Unit[] {
  return text.split(/\n[ \t]*\n/).flatMap((block): Unit | Unit[] => {
    const fields = fieldsIn(block)
    const state = stateOf(fields)
    const name = fields.get('Id')?.replace(/\.service$/, '')
    if (name === undefined || state === undefined) return []
    return {
      name,
      state,
      invocationId: fields.get('InvocationID') ?? '',
      exitCode: numberIn(fields.get('ExecMainStatus')),
      result: fields.get('Result') ?? '',
    }
  })
}

function stateOf(fields: Map<string, string>): Unit['state'] | undefined {
  const active = fields.get('ActiveState')
  if (active === 'failed') return 'failed'
  if (fields.get('SubState') === 'exited') return 'succeeded'
  if (active !== 'inactive' || numberIn(fields.get('Job')) > 0) return 'running'
  return undefined
}

function workIn(document: Document): Work {
  const { work, workKey, neededImages, binariesFailed, imagesFailed, exchangeRefused, movedByKubeadm, applied } =
    document
  return {
    key: decode(workKey).trim(),
    entries: new Set(linesOf(decode(work))),
    neededImages: neededImages === undefined ? undefined : linesOf(decode(neededImages)),
    binariesFailed: binariesFailed === undefined ? undefined : decode(binariesFailed).trim(),
    imagesFailed: imagesFailed === undefined ? undefined : decode(imagesFailed).trim(),
    exchangeRefused: exchangeRefused === undefined ? undefined : decode(exchangeRefused).trim(),
    movedByKubeadm: decode(movedByKubeadm).trim(),
    appliedFiles: appliedIn(textOf(applied)),
  }
}

// grep prints <directory>/applied<path>:<digest>. Neither the directory nor the digest contains a colon.
function appliedIn(text: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const line of linesOf(text)) {
    const start = line.indexOf('/applied/') + '/applied'.length
    const end = line.lastIndexOf(':')
    found.set(line.slice(start, end), line.slice(end + 1))
  }
  return found
}

function spaceIn(text: string): Observation['space'] {
  const free = new Map<string, number>()
  let etcdDataMiB = 0
  for (const line of linesOf(text)) {
    const at = line.lastIndexOf(' ')
    const mebibytes = numberIn(line.slice(at + 1))
    if (line.startsWith('etcd-data ')) etcdDataMiB = mebibytes
    else free.set(line.slice(0, at), mebibytes)
  }
  return { free, etcdDataMiB }
}

// kubectl prints "Error from server (Reason): …" for an error that the server sent, and other messages where no server
// responded. For status 401 it prints "error: You must be logged in to the server (…)".
function answerIn({ exitCode, text }: CommandOutcome): ApiAnswer {
  const printed = decode(text)
  if (exitCode === 0) return { kind: 'ok', body: printed }
  // Warnings may precede the error.
  const lines = linesOf(printed)
  const line = lines.find((each) => /^error/i.test(each)) ?? lines[0]
  const reason = line?.trim().slice(0, longestReason) ?? 'kubectl gave no reason'
  if (/\(Forbidden\)|must be logged in to the server/.test(reason)) return { kind: 'forbidden', reason }
  if (/\(NotFound\)/.test(reason)) return { kind: 'not-found', reason }
  if (/^Error from server/.test(reason)) return { kind: 'refused', reason }
  // The rest of the message contains the time of day.
  const distrust = /x509: [^:]+/.exec(reason)?.[0]
  if (distrust !== undefined) return { kind: 'not-sent', reason: distrust }
  return { kind: isAboutClient(reason) ? 'not-sent' : 'unreachable', reason }
}

// True for a kubeconfig that is missing or broken, a missing kubectl, and the error that observe.sh itself prints.
function isAboutClient(reason: string): boolean {
  return /^error: (stat|open|error loading|invalid configuration)|^error in configuration|not found$|is not known$/i.test(
    reason,
  )
}
