/** The ways that are measured next to each other. */
export const ways = {
  'in-place': 'in place',
  rollout: 'rollout',
  kubeadm: 'kubeadm by hand',
  single: 'in place, single member',
  hooks: 'hooks',
} as const

export type Way = keyof typeof ways

/** What is asked during an upgrade. The first of many is followed by a number. */
export const probed = {
  balancer: 'API, load balancer',
  member: 'API, control plane machine',
  write: 'a write, load balancer',
  pod: 'pod, worker',
  service: 'Service',
} as const

/** One machine's upgrade. All times are seconds since the run began. */
export interface MachineTime {
  machine: string
  role: 'control-plane' | 'worker'
  begin: number
  end: number
  /** When its Node was Ready at the new version, where that was looked for. */
  ready?: number
}

/** What was not answered, of one thing that is asked all the time. */
export interface Answers {
  what: string
  /** How many questions. */
  asked: number
  /** How many times it stopped answering. A gap lasts from the first question without an answer to the next one with. */
  gaps: number
  /** In all, and of the longest gap. */
  seconds: number
  longest: number
  /** Seconds before the end without an answer, in no gap: a machine that was replaced does not come back. */
  gone: number
  /** From when to when each gap lasted, and last what is gone, in seconds since the run began. */
  away: [from: number, to: number][]
}

/** A part of a machine's upgrade, as the machine's condition has it. */
export interface Span {
  machine: string
  step: string
  begin: number
  end: number
}

/** How many calls of a hook a server answered in a second, over so many connections at once. */
export interface Throughput {
  server: 'this service' | 'test extension'
  hook: string
  connections: number
  perSecond: number
}

/** One finished run. */
export interface Run {
  way: Way
  /** The first is 1. */
  number: number
  /** With one busy loop per core. */
  busy: boolean
  /** When it was done: RFC 3339. */
  at: string
  from: string
  to: string
  clusterApi: string
  cores: number
  machines?: MachineTime[]
  answers?: Answers[]
  /** Pods on workers whose container is another one or was restarted. */
  restarted?: string[]
  spans?: Span[]
  throughput?: Throughput[]
}

/** What docs/performance.json holds. */
export interface Results {
  runs: Run[]
}
