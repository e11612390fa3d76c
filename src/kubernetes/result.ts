/** A value, or the reason why there is none, as a clause of a message: `its path is too long`. */
export type Result<Value> = { ok: true; value: Value } | { ok: false; why: string }

export function success<Value>(value: Value): Result<Value> {
  return { ok: true, value }
}

export function refusal(why: string): { ok: false; why: string } {
  return { ok: false, why }
}
