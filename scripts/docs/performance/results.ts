/** The ways that are measured next to each other. */
export const ways = {
  'in-place': 'in place',
  rollout: 'rollout',
  kubeadm: 'kubeadm by hand',
  single: 'in place, single member',
  hooks: 'hooks',
} as const

export type Way = keyof typeof ways

/** What is probed during an upgrade. If there are several of a kind, a number follows. */
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
  /** When its Node was Ready at the new version; undefined where that was not measured. */
  ready?: number
}

/** The answers of one address that is probed during a whole run. */
export interface Answers {
  what: string
  /** How many probes. */
  probes: number
  /** How many gaps. A gap lasts from the first probe without an answer until the next one with an answer. */
  gaps: number
  /** Of all gaps, and of the longest one. */
  seconds: number
  longest: number
  /** Seconds without an answer at the end of the run. They are no gap: a machine that was replaced does not come back. */
  gone: number
  /** Start and end of each gap, and last of `gone` if it is not 0, in seconds since the run began. */
  away: [from: number, to: number][]
}

/** One step of a machine's upgrade, by the machine's condition. */
export interface Span {
  machine: string
  step: string
  begin: number
  end: number
}

/** How many calls of a hook a server answered per second, over so many connections at once. */
export interface Throughput {
  server: 'this service' | 'test extension'
  hook: string
  connections: number
  perSecond: number
}

/** One finished run. */
export interface Run {
  way: Way
  /** Counted from 1. */
  number: number
  /** With one busy loop per core. */
  busy: boolean
  /** When it ended, in RFC 3339. */
  at: string
  from: string
  to: string
  clusterApi: string
  cores: number
  machines?: MachineTime[]
  answers?: Answers[]
  /** Pods on workers whose container was replaced or restarted. */
  restarted?: string[]
  spans?: Span[]
  throughput?: Throughput[]
}

/** The content of docs/reference/performance.json. */
export interface Results {
  runs: Run[]
}
