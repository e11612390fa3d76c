import { expect, onTestFinished } from 'vitest'
import { type DockerEngineOptions, dockerEngine } from '../../src/machine/docker-engine.ts'
import type { Engine } from '../../src/machine/engine.ts'
import { type FakeContainer, type Played, plainContainer } from '../fake-docker/container.ts'
import { FakeEngine } from '../fake-docker/engine.ts'

// An engine with one container, m-1, which does this with every command; and what its client is made with.
export async function engineWith(play: FakeContainer['play'] = silently, options: DockerEngineOptions = {}) {
  const fake = new FakeEngine()
  const container = plainContainer('m-1', play)
  fake.containers.push(container)
  await fake.up()
  onTestFinished(async () => {
    await fake.remove()
    expect(fake.unknown).toEqual([])
  })
  const docker = fake.docker
  return { fake, container, docker, engine: dockerEngine({ docker, ...options }) }
}

function silently(): Played {
  return { chunks: [], exitCode: 0 }
}

// Everything that can be asked of an engine.
export const engineCalls: [string, (engine: Engine) => Promise<unknown>][] = [
  ['ping', (engine) => engine.ping()],
  ['inspect', (engine) => engine.inspect('m-1')],
  ['list', (engine) => engine.list({ role: 'worker' })],
  ['exec', (engine) => engine.exec('m-1', ['true'])],
  ['helper', (engine) => engine.helper({ name: 'h', image: 'i', argv: ['sh'], volumes: {} })],
]
