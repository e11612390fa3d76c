/** How much one load consists of. */
export interface Size {
  name: 'full' | 'small'
  /** Calls of UpdateMachine for machines that are under way. */
  polls: number
  /** Machines with ten files each, every one of another name. */
  machines: number
  /** Calls to the engine that get no answer, or half of one. */
  hungCalls: number
  /** Machines that are under way all the time. */
  waiting: number
  /** Requests of callers at the same time. */
  atOnce: number
  /** Rounds of the kubelet's probes before the idle memory is read. */
  probes: number
  /** Seconds without requests before memory is read: what has ended is forgotten after 120. */
  restSeconds: number
  /** The service is only made to believe that they have passed. */
  isRestSkipped: boolean
  /** By how much the second load may raise what the service holds: 0.05 is 5 %. */
  growth: number
  /** How many JavaScript objects the service may hold more after the second load than after the first. */
  moreObjects: number
  /** Seconds after which one part of the load has failed. */
  limitSeconds: number
}

/** What the service has to stand twice without growth. */
export const full: Size = {
  name: 'full',
  polls: 100_000,
  machines: 10_000,
  hungCalls: 2_000,
  waiting: 20,
  atOnce: 64,
  probes: 2_000,
  restSeconds: 125,
  isRestSkipped: false,
  growth: 0.05,
  moreObjects: 1_500,
  limitSeconds: 1_800,
}

/**
 * A hundredth of it and twice as many polls, for every run of the tests. In the heap, a small object for each of these does
 * not show: the number of objects does.
 */
export const small: Size = {
  name: 'small',
  polls: 2_000,
  machines: 50,
  hungCalls: 12,
  waiting: 2,
  atOnce: 16,
  probes: 20,
  restSeconds: 125,
  isRestSkipped: true,
  growth: 0.05,
  moreObjects: 1_000,
  limitSeconds: 300,
}
