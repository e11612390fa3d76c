export interface Reply {
  status: number
  body: string | object
}

// An answer of the engine that says no.
export class Refusal extends Error {
  readonly reply: Reply
  readonly statusCode: number

  constructor(status: number, message: string) {
    super(message)
    this.statusCode = status
    this.reply = { status, body: { message } }
  }
}
