import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { afterAll, expect, test } from 'vitest'
import { coversAll } from '../../e2e/player/cluster-api.ts'
import { UpgradeError } from '../../src/errors/upgrade-error.ts'
import type { Progress } from '../../src/upgrade/progress.ts'
import { paths, serve, upgradesAt } from '../app/serve.ts'
import { asked, captured, type Json, put } from './captured.ts'

// The whole answers to what Cluster API sent, byte for byte but for the layout. They change only on purpose, with
// UPDATE_GOLDEN=1; test/go decodes each with Cluster API's own types.
const folder = new URL('../golden/', import.meta.url)
const isUpdate = process.env.UPDATE_GOLDEN === '1'

interface Golden {
  hook: string
  // The name of a captured request, or a whole request that a test made of one.
  request: string | Json
  answer: Json
  // For the CanUpdate hooks: whether Cluster API then updates in place.
  inPlace?: boolean
}

const failed = new UpgradeError('KUBELET_NOT_UP', { target: 'v1.35.4', cause: 'unknown flag: --x' })
const progress: Record<string, Progress> = {
  underWay: {
    phase: 'InProgress',
    step: 'kubeadm',
    message: 'step 6 of 10, running kubeadm upgrade node: waiting for kubeadm',
    retryAfterSeconds: 10,
  },
  done: { phase: 'Done', step: '', message: 'at v1.35.4', retryAfterSeconds: 0 },
  failed: { phase: 'Failed', step: 'kubelet', message: failed.message, retryAfterSeconds: 0, error: failed },
}

// A control plane machine at one of the two borders where its feature gate drifts.
function border(from: string, to: string, change: (gates: { current: Json; desired: Json }) => void): Json {
  const request = asked.machine()
  put(request.current.machine, ['spec', 'version'], from)
  put(request.desired.machine, ['spec', 'version'], to)
  const configuration = ({ spec }: { spec: unknown }) => (spec as Json).clusterConfiguration as Json
  change({
    current: configuration(request.current.bootstrapConfig as never),
    desired: configuration(request.desired.bootstrapConfig as never),
  })
  return request
}

const mixed = asked.machine()
put(mixed.desired.bootstrapConfig, ['spec', 'preKubeadmCommands'], ['true'])
// One file changes, one is new, and one is new and cannot be written in place.
const files = asked.machine()
const kept = { path: '/etc/kept', content: 'kept' }
put(files.current.bootstrapConfig, ['spec', 'files'], [kept, { path: '/etc/lab-file', content: 'hello' }])
const changed = { path: '/etc/lab-file', content: 'aGVsbG8=', encoding: 'base64', permissions: '0600' }
const added = { path: '/opt/lab/added', content: 'added', owner: 'daemon:daemon' }
put(files.desired.bootstrapConfig, ['spec', 'files'], [kept, added, changed])
const filesOnly = structuredClone(files)
for (const side of [filesOnly.current, filesOnly.desired]) put(side.machine, ['spec', 'version'], 'v1.35.4')
const filesInPart = structuredClone(files)
const closed = { path: '/etc/kubernetes/manifests/pod.yaml', content: 'pod' }
put(filesInPart.desired.bootstrapConfig, ['spec', 'files'], [closed, kept, added, changed])
const inMemory = asked.machine()
for (const side of [inMemory.current, inMemory.desired]) {
  put(side.infrastructureMachine, ['spec', 'backend'], { inMemory: {} })
}

// As Cluster API's own test sets them, on a change of files that is otherwise covered.
const disabled = structuredClone(filesOnly) as Json
disabled.settings = {
  extensionConfigName: 'test',
  disableInPlaceUpdates: 'true',
  defaultAllHandlersToBlocking: 'false',
}

const cases: Record<string, { path: string; request: string | Json; progress?: Progress }> = {
  discovery: { path: paths.discovery, request: 'discovery' },
  'can-update-machine.version': { path: paths.canUpdateMachine, request: 'can-update-machine.version' },
  'can-update-machine.gate-added': {
    path: paths.canUpdateMachine,
    request: border('v1.30.14', 'v1.31.9', ({ current }) => delete current.featureGates),
  },
  'can-update-machine.gate-dropped': {
    path: paths.canUpdateMachine,
    request: border('v1.35.4', 'v1.36.3', ({ desired }) => delete desired.featureGates),
  },
  'can-update-machine.mixed': { path: paths.canUpdateMachine, request: mixed },
  'can-update-machine.files': { path: paths.canUpdateMachine, request: files },
  'can-update-machine.files-in-part': { path: paths.canUpdateMachine, request: filesInPart },
  'can-update-machine.files-only': { path: paths.canUpdateMachine, request: filesOnly },
  'can-update-machine.disabled': { path: paths.canUpdateMachine, request: disabled },
  'can-update-machine.in-memory': { path: paths.canUpdateMachine, request: inMemory },
  'can-update-machine.failure': {
    path: paths.canUpdateMachine,
    request: { ...asked.machine(), settings: { addon: 'kcp' } },
  },
  'can-update-machine-set.version': {
    path: paths.canUpdateMachineSet,
    request: 'can-update-machine-set.version',
  },
  'can-update-machine-set.bootstrap-files': {
    path: paths.canUpdateMachineSet,
    request: 'can-update-machine-set.bootstrap-files',
  },
  'can-update-machine-set.failure': { path: paths.canUpdateMachineSet, request: {} },
  'update-machine.control-plane': { path: paths.updateMachine, request: 'update-machine.control-plane' },
  'update-machine.worker': { path: paths.updateMachine, request: 'update-machine.worker' },
  'update-machine.done': {
    path: paths.updateMachine,
    request: 'update-machine.worker',
    progress: progress.done as Progress,
  },
  'update-machine.failed': {
    path: paths.updateMachine,
    request: 'update-machine.worker',
    progress: progress.failed as Progress,
  },
  'update-machine.disabled': {
    path: paths.updateMachine,
    request: { ...captured('update-machine.worker').body, settings: { disableInPlaceUpdates: 'true' } },
  },
  'update-machine.refused': { path: paths.updateMachine, request: {} },
}

test.each(Object.entries(cases))('the answer to %s is the golden one', async (name, given) => {
  const { post } = serve({ upgrades: upgradesAt(given.progress ?? (progress.underWay as Progress)) })
  const body = typeof given.request === 'string' ? captured(given.request).body : given.request
  const { status, body: answer } = await post(given.path, body)
  expect(status).toBe(200)
  const golden: Golden = { hook: String(answer.kind).replace('Response', ''), request: given.request, answer }
  if (answer.status === 'Success' && 'current' in body) golden.inPlace = coversAll(body as never, answer)
  const file = new URL(`${name}.gen.json`, folder)
  if (isUpdate) writeFileSync(file, `${JSON.stringify(golden, null, 2)}\n`)
  // As text, so that the order of the fields is part of it.
  expect(`${JSON.stringify(golden, null, 2)}\n`).toBe(readFileSync(file, 'utf8'))
})

test('every golden file belongs to a case', () => {
  const names = readdirSync(folder).map((file) => file.replace('.gen.json', ''))
  expect(names.sort()).toEqual(Object.keys(cases).sort())
})

afterAll(() => {
  if (isUpdate) console.warn('The golden answers were written anew: look at the difference before you commit it.')
})
