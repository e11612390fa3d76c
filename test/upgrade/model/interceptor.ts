/** A call of the engine that is about the machine: an exec in it, or a helper container for it. */
export interface Call {
  replica: number
  argv: string[]
}

/** Sees each call just before and just after its effect, and may begin a fault then. */
export interface Interceptor {
  /** 'cut': the command is killed in the middle. */
  before(call: Call): 'cut' | undefined
  after(call: Call): void
}
