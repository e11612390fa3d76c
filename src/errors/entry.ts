/**
 * The answer of the service to an error:
 * - `decline`: the change is not made in place. Only CanUpdate declines. Cluster API then replaces the machine.
 * - `progress`: the error may resolve itself. It is retried until the time limit of its step.
 * - `failure`: a person has to act.
 */
export type ErrorAnswer = 'decline' | 'progress' | 'failure'

/** An error with its values filled in. */
export interface Description {
  readonly answer: ErrorAnswer
  /** What is wrong. */
  readonly message: string
  /** What a person can do about it. */
  readonly todo: string
}

/** The values that an error needs, by name. */
export type Values<Name extends string> = Readonly<Record<Name, string>>

const describedAs = (answer: ErrorAnswer) => (message: string, todo: string) => ({ answer, message, todo })
/** An error that declines a change. */
export const decline = describedAs('decline')
/** An error that may resolve itself. */
export const progress = describedAs('progress')
/** An error that a person has to resolve. */
export const failure = describedAs('failure')
