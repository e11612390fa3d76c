import type { SimulatedMachine } from '../../../fake-docker/machine.ts'
import { scripts } from '../../../fake-docker/scripts.ts'
import { unitScripts } from '../../../fake-docker/unit-scripts.ts'
import type { Root } from '../rooted.ts'
import { filesIn, filesOf, importedIn } from './root.ts'

/** A run of a shell file. */
export interface Run {
  /** The file in src/upgrade/steps, without its ending. */
  script: string
  args: string[]
  input?: string
}

/** What a run has done, as far as src/ can see it. */
export interface Outcome {
  exitCode: number | undefined
  /** What it printed for src/: of a unit, the lines by which a failure is explained. */
  printed: string
  files: Record<string, string>
  /** Images that it brought into containerd. */
  images: string[]
  /** Whether it stopped or restarted the kubelet. */
  kubeletRestarted: boolean
  /** How it ran kubeadm's `upgrade node`. */
  kubeadm: string[]
}

/** Runs the shell file itself, on a root. */
export async function runOn(root: Root, run: Run): Promise<Outcome> {
  const { exitCode, stdout } = await root.runWith(run.input ?? '', `steps/${run.script}.sh`, ...run.args)
  const calls = root.calls()
  return {
    exitCode,
    printed: run.script in unitScripts ? explanations(stdout) : stdout.trim(),
    files: filesIn(root),
    images: importedIn(root),
    kubeletRestarted: calls.some((call) => /^systemctl (stop|restart) kubelet$/.test(call)),
    kubeadm: calls.filter((call) => call.startsWith('kubeadm upgrade node')),
  }
}

/** Runs the twin of the shell file, on a simulated machine. */
export function runTwin(machine: SimulatedMachine, run: Run): Outcome {
  const before = new Set(machine.images.keys())
  const { exitCode, printed } = isUnit(run) ? runUnit(machine, run) : runScript(machine, run)
  return {
    exitCode,
    printed,
    files: filesOf(machine),
    images: [...machine.images.keys()].filter((image) => !before.has(image)).sort(),
    kubeletRestarted: machine.effects.some((effect) => /^kubelet .* starts$/.test(effect)),
    kubeadm: machine.effects
      .filter((effect) => effect.startsWith('kubeadm upgrade node'))
      .map((effect) => effect.trim()),
  }
}

// Two shell files are units on their way forward, and are run otherwise too.
function isUnit({ script, args }: Run): boolean {
  if (script === 'exchange') return args[0] === 'forward'
  if (script === 'kubeadm') return args.length > 5
  return script in unitScripts
}

function runUnit(machine: SimulatedMachine, { script, args }: Run) {
  const ending = unitScripts[script]?.(machine, args)
  if (!ending) throw new Error(`${script} has no twin`)
  return { exitCode: ending.exitCode, printed: explanations(ending.log) }
}

function runScript(machine: SimulatedMachine, { script, args, input = '' }: Run) {
  const twin = scripts[`upgrade/steps/${script}.sh`]
  if (!twin) throw new Error(`${script} has no twin`)
  return { exitCode: 0, printed: twin(machine, args, input).trim() }
}

// What a component has logged is its own.
function explanations(log: string): string {
  const lines = log.split('\n').filter((line) => /^(failed|refused): |^component /.test(line))
  return lines.map((line) => line.replace(/^(component \S+:).*/, '$1')).join('\n')
}
