const keepSeconds = 5

interface ReadinessChecks {
  /** Throws when the serving certificate cannot be used. */
  certificate: () => void
  /** Rejects when the engine does not respond. */
  engine: () => Promise<void>
  /** A monotonic clock, in seconds. */
  now?: () => number
}

/**
 * Creates the check behind /readyz. It calls the engine at most every five seconds, and never twice at a time:
 * concurrent probes share the result, so that they do not pile up when the engine hangs.
 */
export function readiness({
  certificate,
  engine,
  now = () => performance.now() / 1000,
}: ReadinessChecks): () => Promise<void> {
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
