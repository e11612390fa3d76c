/**
 * Which of three answers an error is:
 * - `decline`: the change is not made in place. Only CanUpdate declines; Cluster API then replaces the machine.
 * - `progress`: the error may pass by itself. It is retried until the limit of its step.
 * - `failure`: a person has to act.
 */
export type ErrorAnswer = 'decline' | 'progress' | 'failure'

/** One error, with its values filled in. */
export interface Description {
  readonly answer: ErrorAnswer
  /** What is wrong. */
  readonly message: string
  /** What a person does about it. */
  readonly todo: string
}

/** The values that an error needs, by name. */
export type Values<Name extends string> = Readonly<Record<Name, string>>

const describedAs = (answer: ErrorAnswer) => (message: string, todo: string) => ({ answer, message, todo })
/** An error that declines a change. */
export const decline = describedAs('decline')
/** An error that may pass by itself. */
export const progress = describedAs('progress')
/** An error that needs a person. */
export const failure = describedAs('failure')
