/** Files that belong together and may import each other: folders, written with a slash at the end, and files. */
export type Room = readonly string[]

/** Rooms next to each other. A room imports nothing of another room of its floor. */
export type Floor = readonly Room[]

/** The folders whose files all have a place in `floors`. */
export const folders = ['src', 'scripts', 'e2e']

/** From top to bottom. A file imports from its own room and from lower floors; every file has a place here. */
export const floors: readonly Floor[] = [
  // The end-to-end tests: what npm calls.
  [['e2e/bench.ts'], ['e2e/demo.ts'], ['e2e/run.ts']],
  [['e2e/bench/']],
  [['e2e/scenarios/']],
  // Faults at every boundary of a step.
  [['e2e/recovery/']],
  // Cluster API in its management cluster.
  [['e2e/management/']],
  // The player: starts the service and acts as Cluster API's controllers.
  [['e2e/player/']],
  // The witness: reads machines and judges them. It imports nothing of the player, so that what it finds is its own.
  [['e2e/witness/'], ['e2e/cli/']],

  // The lab: its command line, and its rooms from what a verb does down to the host.
  [['scripts/lab.ts']],
  [['scripts/lab/verbs/']],
  [['scripts/lab/cluster/']],
  [['scripts/lab/build/']],
  [['scripts/lab/engine/']],
  [['scripts/lab/host/']],

  // Tools of the product and of this repository. They import nothing of the lab.
  [
    ['scripts/bootstrap.mjs'],
    ['scripts/certificates.ts'],
    ['scripts/docs.ts'],
    ['scripts/fields.ts'],
    ['scripts/layers.ts'],
    ['scripts/test.ts'],
  ],
  [['scripts/certificates/'], ['scripts/docs/'], ['scripts/layers/']],
  // Programs of the host, command lines, and what a user sees of them.
  [['scripts/host/']],

  // The service.
  [['src/main.ts']],
  [['src/app/']],
  [
    ['src/config.ts', 'src/config/'],
    ['src/metrics.ts', 'src/exec-reporter.ts'],
  ],
  // Wraps the handlers from outside; only main knows of it.
  [['src/faults/']],
  [['src/hooks/'], ['src/api/']],
  [['src/upgrade/']],
  [['src/decide/']],
  // The words that the floors above share: versions, kinds, files, names of images.
  [['src/kubernetes/']],
  [['src/machine/']],
  [['src/contract/']],
  [['src/certificate.ts']],
  [['src/errors/']],
]

/** What must not be imported although it is lower: files whose paths begin with `from` import none that begin with `to`. */
export const forbidden: readonly { from: string; to: string; why: string }[] = [
  { from: 'e2e/', to: 'src/', why: 'the verifier shares no code with what it verifies' },
  { from: 'src/decide/', to: 'src/machine/', why: 'a decision knows no machine' },
  { from: 'scripts/lab', to: 'src/', why: 'the lab runs any version of the service' },
  { from: 'scripts/certificates', to: 'src/', why: 'certificates are made without the service' },
]

/** What is imported only with `import()`, so that it is loaded only when it is needed. Paths as those of `forbidden`. */
export const loadedWhenNeeded: readonly { from: string; to: string; why: string }[] = [
  { from: 'scripts/', to: 'scripts/lab/build/', why: 'builds are for hosts that no registry answers' },
]

/** Packages that one folder of src/ imports and no other: no handler uses Docker, and no step HTTP. */
export const homes: Readonly<Record<string, string>> = {
  dockerode: 'src/machine/',
  fastify: 'src/app/',
  'close-with-grace': 'src/main.ts',
  '@prometheus-io/client': 'src/metrics.ts',
}

/** Type names that more than one file may export, and why. Every other name has one meaning in all folders. */
export const sharedTypes: Readonly<Record<string, string>> = {
  Role: 'the same thing; the witness shares no code with src/',
}
