import type { Change } from '../../../src/machine/change.ts'
import { shellFile, stateDirectory } from '../../../src/machine/machine.ts'
import type { Lab } from '../../fake-docker/lab.ts'
import type { SimulatedMachine } from '../../fake-docker/machine.ts'
import { target } from '../../fake-docker/release.ts'

const work = `${stateDirectory}/work`
const unit = 'capd-kubeadm-upgrader-binaries'

export interface ChangeCase {
  what: string
  change: Change
  prepare?: (machine: SimulatedMachine, lab: Lab) => void
  seen?: string
  // The kind of the result.
  gives: 'made' | 'differs' | 'busy'
}

const scriptOf = (step: string) => shellFile(new URL(`../../../src/upgrade/steps/${step}.sh`, import.meta.url))
const start: Change = {
  kind: 'start',
  unit,
  limitSeconds: 900,
  script: scriptOf('binaries'),
  args: ['http://files', target, `${work}/bin`],
  input: 'a line\n',
}
const isRunning = ({ units }: SimulatedMachine) => units.start(unit, 'binaries', 900, () => ({ exitCode: 0, log: '' }))
const hasEnded = (machine: SimulatedMachine, { clock }: Lab) => {
  isRunning(machine)
  clock.pass(10)
}
// systemd lists units by name, and the twin in the order of their starts.
const alongside = 'capd-kubeadm-upgrader-aside'
const otherRuns = ({ units }: SimulatedMachine) =>
  units.start(alongside, 'images', 900, () => ({ exitCode: 0, log: '' }))
const forget = { name: 'forget', text: 'rm -f "$1"' }
const renewed = ['images.failed', 'kubeadm.done', 'rendered']
const begin = (...endable: string[]): Change => ({ kind: 'begin', key: 'another', endable, renewed })

/** Changes that change.sh and its twin have to answer alike, on a control plane machine. */
export const changeCases: ChangeCase[] = [
  { what: 'a note', change: { kind: 'note' }, gives: 'made' },
  { what: 'a note on another record', change: { kind: 'note' }, seen: 'another', gives: 'differs' },
  { what: 'a note on the kubelet that runs', change: { kind: 'note', kubelet: 'started-at-0' }, gives: 'made' },
  {
    what: 'a note on a kubelet that was started again',
    change: { kind: 'note', kubelet: 'started-at-0' },
    prepare: (machine) => machine.restartKubelet(),
    gives: 'differs',
  },
  { what: 'the beginning of an attempt', change: begin(), gives: 'made' },
  { what: 'a beginning on another record', change: begin(), seen: 'another', gives: 'differs' },
  {
    what: 'a beginning in place of another attempt',
    change: begin(),
    prepare: ({ files }) => [files.set(`${work}/key`, 'old\n'), files.set(`${work}/bin/kubeadm`, 'x')],
    gives: 'made',
  },
  {
    what: 'a beginning in place of another attempt, which keeps something of it',
    change: { ...begin(), kept: ['previous', 'other'] } as Change,
    prepare: ({ files }) => {
      for (const name of ['key', 'images.list', 'bin/kubeadm', 'previous/kubelet']) files.set(`${work}/${name}`, 'x\n')
    },
    gives: 'made',
  },
  {
    what: 'a beginning where the entries are those that the caller saw',
    change: { ...begin(), entries: new Set(['previous', 'exchanging', 'key']) } as Change,
    prepare: ({ files }) => {
      for (const name of ['key', 'exchanging', 'previous/kubelet', 'previous/kubectl'])
        files.set(`${work}/${name}`, 'x\n')
    },
    gives: 'made',
  },
  {
    what: 'a beginning where a unit has left something that the caller did not see',
    change: { ...begin(), entries: new Set(['previous', 'key']) } as Change,
    prepare: ({ files }) => {
      for (const name of ['key', 'exchanging', 'previous/kubelet']) files.set(`${work}/${name}`, 'x\n')
    },
    gives: 'differs',
  },
  {
    what: 'a beginning where there is a work directory by now',
    change: { ...begin(), entries: new Set() } as Change,
    prepare: ({ files }) => files.set(`${work}/key`, 'x\n'),
    gives: 'differs',
  },
  {
    what: 'a beginning where there is no work directory, as the caller saw',
    change: { ...begin(), entries: new Set() } as Change,
    gives: 'made',
  },
  {
    what: 'a beginning on the kubelet that runs',
    change: { ...begin(), kubelet: 'started-at-0' } as Change,
    gives: 'made',
  },
  {
    what: 'a beginning on a kubelet that was started again',
    change: { ...begin(), kubelet: 'started-at-0' } as Change,
    prepare: (machine) => machine.restartKubelet(),
    gives: 'differs',
  },
  { what: 'a beginning while a unit of another step runs', change: begin('x'), prepare: isRunning, gives: 'busy' },
  { what: 'a beginning that ends a unit', change: begin('x', unit), prepare: isRunning, gives: 'made' },
  { what: 'a beginning that forgets a unit', change: begin(), prepare: hasEnded, gives: 'made' },
  { what: 'the start of a unit', change: start, gives: 'made' },
  { what: 'a start on another record', change: start, seen: 'another', gives: 'differs' },
  { what: 'a start of the unit that runs', change: start, prepare: isRunning, gives: 'busy' },
  {
    what: 'a start while another unit runs',
    change: start,
    prepare: ({ units }) =>
      units.start('capd-kubeadm-upgrader-kubeadm', 'kubeadm', 60, () => ({ exitCode: 0, log: '' })),
    gives: 'busy',
  },
  {
    what: 'a start while a unit runs that may run alongside',
    change: { ...start, alongside: [alongside] } as Change,
    prepare: otherRuns,
    gives: 'made',
  },
  {
    what: 'a start while a unit runs that may not run alongside',
    change: { ...start, alongside: [`${alongside}-x`, 'images'] } as Change,
    prepare: otherRuns,
    gives: 'busy',
  },
  {
    what: 'a script while a unit runs that may run alongside',
    change: { kind: 'run', script: forget, args: [`${work}/key`], alongside: ['x', alongside] },
    prepare: (machine) => {
      machine.files.set(`${work}/key`, 'x')
      otherRuns(machine)
    },
    gives: 'made',
  },
  {
    what: 'a script while two units run, of which one may run alongside',
    change: { kind: 'run', script: forget, args: [`${work}/key`], alongside: [alongside] },
    prepare: (machine) => {
      machine.files.set(`${work}/key`, 'x')
      otherRuns(machine)
      isRunning(machine)
    },
    gives: 'busy',
  },
  { what: 'a start of the unit that has ended', change: start, prepare: hasEnded, gives: 'made' },
  {
    what: 'a script',
    change: { kind: 'run', script: forget, args: [`${work}/images.failed`] },
    prepare: ({ files }) => [files.set(`${work}/key`, 'x'), files.set(`${work}/images.failed`, 'x')],
    gives: 'made',
  },
  {
    what: 'a script on another record',
    change: { kind: 'run', script: forget, args: [`${work}/key`] },
    prepare: ({ files }) => files.set(`${work}/key`, 'x'),
    seen: 'another',
    gives: 'differs',
  },
  {
    what: 'a script while a unit runs',
    change: { kind: 'run', script: forget, args: [`${work}/key`] },
    prepare: (machine) => {
      machine.files.set(`${work}/key`, 'x')
      isRunning(machine)
    },
    gives: 'busy',
  },
  {
    what: 'a script that prints what is wrong',
    change: { kind: 'run', script: scriptOf('restore-manifests'), args: [] },
    prepare: (m) => m.removeManifest('etcd'),
    gives: 'made',
  },
  {
    what: 'another beginning of the attempt',
    change: begin(),
    prepare: ({ files }) => {
      for (const name of ['bin.failed', 'images.list', 'images.failed', 'kubeadm.done', 'prepared']) {
        files.set(`${work}/${name}`, 'x')
      }
      files.set(`${work}/rendered/etcd.yaml`, 'x')
      files.set(`${work}/key`, 'another\n')
      files.set(`${work}/bin/kubeadm`, 'x')
    },
    gives: 'made',
  },
  { what: 'the end of an attempt that has begun nothing', change: { ...begin(), key: '' } as Change, gives: 'made' },
  {
    what: 'a script after which the machine rests',
    change: { kind: 'rest', script: scriptOf('restore-manifests'), args: [] },
    prepare: (machine) => machine.removeManifest('etcd'),
    gives: 'made',
  },
  {
    what: 'a script that removes what an upgrade has left',
    change: { kind: 'run', script: scriptOf('tidy'), args: [work, 'cp-1', unit] },
    prepare: (machine, lab) => [hasEnded(machine, lab), machine.files.set(`${work}/key`, 'x')],
    gives: 'made',
  },
  {
    what: 'the clearing of a unit',
    change: { kind: 'clear', unit, invocationId: 'run-1' },
    prepare: hasEnded,
    gives: 'made',
  },
  {
    what: "the clearing of another run's unit",
    change: { kind: 'clear', unit, invocationId: 'run-0' },
    prepare: hasEnded,
    gives: 'differs',
  },
  {
    what: 'the clearing of a unit that runs',
    change: { kind: 'clear', unit, invocationId: 'run-1' },
    prepare: isRunning,
    gives: 'differs',
  },
  {
    what: 'the clearing of a unit that is gone',
    change: { kind: 'clear', unit, invocationId: 'run-1' },
    gives: 'differs',
  },
]
