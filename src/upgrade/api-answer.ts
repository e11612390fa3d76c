import type { ApiAnswer } from '../machine/observation.ts'

/** A value that was read, or a description of what is waited for because it could not be read. */
export type Reading<T> = { value: T } | { waitsFor: string }

/**
 * Describes why a response of the API cannot be used, with the server's reason. The text is constant while the reason
 * is.
 */
export function troubleOf(what: string, answer: ApiAnswer | undefined): string {
  if (answer === undefined) return `${what} to be readable`
  if (answer.kind === 'ok') return malformed(what)
  const causes = {
    unreachable: 'the API server does not answer',
    'not-sent': 'the machine cannot send the request',
    forbidden: 'the API server refuses it',
    'not-found': 'it does not exist',
    refused: 'the API server has an error',
  }
  // Without a response, kubectl's message has ports and request ids that change each time, so it is left out.
  const detail = answer.kind === 'unreachable' ? '' : `: ${answer.reason.slice(0, 300)}`
  return `${what} (${causes[answer.kind]}${detail})`
}

/** Describes a response that is not the expected object, such as a proxy's error page or half an object. */
export function malformed(what: string): string {
  return `${what} (the answer is malformed)`
}

/** Parses an object of the API. It is only checked to be an object: callers check every field of it. */
export function objectIn<T extends object>(what: string, answer: ApiAnswer | undefined): Reading<T> {
  if (answer?.kind !== 'ok') return { waitsFor: troubleOf(what, answer) }
  try {
    const value: unknown = JSON.parse(answer.body)
    if (typeof value === 'object' && value !== null) return { value: value as T }
  } catch {
    // Handled below: a response that is cut off is not JSON.
  }
  return { waitsFor: malformed(what) }
}

/** True when the response of /readyz reports a ready API server. */
export function isReady(answer: ApiAnswer | undefined): boolean {
  return answer?.kind === 'ok' && answer.body.trim() === 'ok'
}
