/** A failure that the user can resolve. The message states what is wrong and, after `Next:`, what to do about it. */
export class UserError extends Error {
  override name = 'UserError'

  constructor(message: string, next?: string) {
    super(next ? `${message}\nNext: ${next}` : message)
  }
}

/** SIGINT or SIGTERM ended the work. A command line that ends with it exits with 130. */
export class Interrupted extends UserError {
  override name = 'Interrupted'

  constructor(signal: string) {
    super(`Stopped by ${signal}. Finished work is kept, and the same command continues from there.`)
  }
}
