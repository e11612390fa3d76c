/** A value, or the reason why there is none, as a clause of a message, such as `its path is too long`. */
export type Result<Value> = { ok: true; value: Value } | { ok: false; why: string }

/** A result with a value. */
export function success<Value>(value: Value): Result<Value> {
  return { ok: true, value }
}

/** A result with a reason. */
export function refusal(why: string): { ok: false; why: string } {
  return { ok: false, why }
}
