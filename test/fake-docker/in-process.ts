import { UpgradeError } from '../../src/errors/upgrade-error.ts'
import type { Engine } from '../../src/machine/engine.ts'
import { engineError } from '../../src/machine/engine-error.ts'
import type { FakeEngine } from './engine.ts'

// The fake engine without the wire, for tests that walk many times. It refuses what the engine itself refuses;
// dockerode and the connection to it are left out.
export function inProcess(fake: FakeEngine): Engine {
  return {
    ping: async () => {},
    inspect: async (name) => {
      const { mounts, ...container } = refusable(name, () => fake.container(name))
      return { ...container, varVolume: mounts.find(({ Destination }) => Destination === '/var')?.Name }
    },
    list: async (labels) => {
      const wanted = Object.entries(labels)
      const found = fake.containers.filter((container) =>
        wanted.every(([key, value]) => container.labels[key] === value),
      )
      return found.map(({ name }) => name).sort()
    },
    file: async (name, path) => refusable(name, () => fake.container(name)).machine?.fileAtRest(path),
    exec: async (name, argv, { input = '' } = {}) => {
      const asked = { Cmd: argv, AttachStdin: true, Privileged: true }
      refusable(name, () => fake.execs.create(name, asked))
      const { machine } = fake.container(name)
      if (!machine) throw new Error(`${name} is no machine`)
      return machine.execute(argv, input)
    },
    findImage: async (image, digests) => {
      if (fake.helpers.find(image)) return image
      return digests.map((digest) => `${image}@${digest}`).find((reference) => fake.helpers.find(reference))
    },
    pull: (reference, options) => {
      fake.pulls.push(reference)
      return fake.pull(reference, options)
    },
    helper: async ({ name, image, argv: [entrypoint = '', ...args], volumes }) => {
      const Binds = Object.entries(volumes).map(([volume, path]) => `${volume}:${path}`)
      const HostConfig = { AutoRemove: true, NetworkMode: 'none', Binds }
      const Labels = { 'capd-kubeadm-upgrader': 'image-source' }
      const taken = fake.containers.find((container) => container.name === name)
      if (taken && !('capd-kubeadm-upgrader' in taken.labels)) throw new UpgradeError('NAME_TAKEN', { name })
      if (taken) return
      if (!fake.helpers.find(image)) throw new UpgradeError('IMAGE_SOURCE_MISSING', { image })
      fake.helpers.create(name, { Image: image, Entrypoint: [entrypoint], Cmd: args, Labels, HostConfig })
      fake.helpers.start(name)
    },
  }
}

function refusable<T>(name: string, ask: () => T): T {
  try {
    return ask()
  } catch (thrown) {
    throw engineError(thrown, name)
  }
}
