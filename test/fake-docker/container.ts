import { randomBytes } from 'node:crypto'
import type { SimulatedMachine } from './machine.ts'

// What a container's command leaves on the wire: each chunk is one write, and the frames in it are as Docker
// makes them, unless a test cuts them elsewhere.
export interface Played {
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>
  exitCode: number
  // 'cut': the connection breaks. 'never': the command goes on.
  end?: 'cut' | 'never'
}

export interface FakeContainer {
  id: string
  name: string
  hostname: string
  labels: Record<string, string>
  running: boolean
  paused: boolean
  mounts: { Type: string; Name: string; Destination: string }[]
  image?: string
  // Runs a command, given its standard input.
  play: (argv: string[], input: string) => Played
  machine?: SimulatedMachine
}

export function newId(): string {
  return randomBytes(32).toString('hex')
}

// A container as CAPD and kind make it.
export function machineContainer(machine: SimulatedMachine): FakeContainer {
  return {
    ...plainContainer(machine.name, (argv, input) => {
      // Every command is ended inside the container when its caller is gone.
      if (argv[0] !== 'timeout' || argv[1] !== '-k') throw new Error(`no time limit: ${argv.join(' ')}`)
      const { stdout, stderr, exitCode } = machine.execute(argv.slice(4), input)
      return { chunks: [frame(1, stdout), frame(2, stderr)], exitCode }
    }),
    labels: {
      'io.x-k8s.kind.cluster': machine.cluster.name,
      'io.x-k8s.kind.role': machine.role,
    },
    mounts: [{ Type: 'volume', Name: `var-of-${machine.name}`, Destination: '/var' }],
    machine,
  }
}

export function plainContainer(name: string, play: FakeContainer['play']): FakeContainer {
  return { id: newId(), name, hostname: name, labels: {}, running: true, paused: false, mounts: [], play }
}

// Docker's frame: the stream (1 is standard output, 2 standard error), three zeros, the length, the bytes.
export function frame(stream: 1 | 2, content: string | Uint8Array): Uint8Array {
  const bytes = Buffer.from(content)
  if (bytes.length === 0) return bytes
  const header = Buffer.alloc(8)
  header.writeUInt8(stream)
  header.writeUInt32BE(bytes.length, 4)
  return Buffer.concat([header, bytes])
}
