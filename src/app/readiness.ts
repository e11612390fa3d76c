const keepSeconds = 5

interface Checks {
  /** Throws when the serving certificate cannot be used. */
  certificate: () => void
  /** Rejects when the engine does not answer. */
  engine: () => Promise<void>
  /** Seconds, from any start, that never go back. */
  now?: () => number
}

/**
 * What /readyz checks. The engine is called at most once in five seconds and never twice at a time; all who come
 * meanwhile share the answer, so that probes do not pile up at an engine that hangs.
 */
export function readiness({ certificate, engine, now = () => performance.now() / 1000 }: Checks): () => Promise<void> {
  let result: Promise<void> | undefined
  let endedAt = Number.NEGATIVE_INFINITY
  let pending = false

  function sharedEngineCall(): Promise<void> {
    if (result && (pending || now() - endedAt < keepSeconds)) return result
    pending = true
    result = engine().finally(() => {
      pending = false
      endedAt = now()
    })
    return result
  }

  return async () => {
    certificate()
    await sharedEngineCall()
  }
}
