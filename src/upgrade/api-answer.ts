import type { ApiAnswer } from '../machine/observation.ts'

/** What was read, or what is waited for where it could not be read. */
export type Reading<T> = { value: T } | { waitsFor: string }

/** Why an answer of the API cannot be used: a constant text for people, with the server's own reason. */
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
  // The connection's own words carry ports and request ids that change; the others are the reason to act on.
  const detail = answer.kind === 'unreachable' ? '' : `: ${answer.reason.slice(0, 300)}`
  return `${what} (${causes[answer.kind]}${detail})`
}

/** What is waited for where the API has answered with something else than it should: a proxy's page, or half an object. */
export function malformed(what: string): string {
  return `${what} (the answer is malformed)`
}

/** An object of the API, parsed. Only that it is an object is checked: all of its fields may be missing or others. */
export function objectIn<T extends object>(what: string, answer: ApiAnswer | undefined): Reading<T> {
  if (answer?.kind !== 'ok') return { waitsFor: troubleOf(what, answer) }
  try {
    const value: unknown = JSON.parse(answer.body)
    if (typeof value === 'object' && value !== null) return { value: value as T }
  } catch {
    // Reported below: an answer that is cut off is no JSON.
  }
  return { waitsFor: malformed(what) }
}

/** True for the answer of /readyz that means "ready". */
export function isReady(answer: ApiAnswer | undefined): boolean {
  return answer?.kind === 'ok' && answer.body.trim() === 'ok'
}
