// A fault that the person at the keyboard can do something about: what is wrong and what to do next.
export class UserError extends Error {
  override name = 'UserError'

  constructor(message: string, next?: string) {
    super(next ? `${message}\nNext: ${next}` : message)
  }
}

// The person wanted it to stop.
export class Interrupted extends UserError {
  constructor(signal: string) {
    super(`Stopped by ${signal}. What was finished is kept; the same command goes on from there.`)
  }
}
