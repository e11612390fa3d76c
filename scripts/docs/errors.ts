import { catalogue, type ErrorCode } from '../../src/errors/catalogue.ts'
import { template } from '../../src/errors/upgrade-error.ts'
import { heading, table } from './table.ts'

/** The page docs/reference/errors.md: every error of the catalogue, with `{name}` in place of its values. */
export function errorsPage(): string {
  const rows = Object.keys(catalogue).map((code) => {
    const { answer, message, todo } = template(code as ErrorCode)
    return [`\`${code}\``, answer, message, todo]
  })
  return `${heading('Errors', 'src/errors')}

Every error has a code, in brackets at the end of its message. A message does not change while the state it describes
lasts, because Cluster API copies it into conditions. It is one line of at most 1,000 characters. Values replace
\`{…}\`. The log has more: the cause, the last lines of what failed, and what to do.

Each error has one of three answers:

- **decline**: the change is not made in place. Only the CanUpdate hooks decline: their response is a Success that leaves
  the change out of its patches, and Cluster API replaces the machine. The reason is in the service's log. A version
  that cannot be read (\`VERSION_FORM\`) is declined by them too.
- **progress**: the error may pass without help. UpdateMachine responds with Success, the message and a time to call again; the
  message is in the Machine's condition Updating. An error that does not pass within the limit of its step, or within ten minutes
  where the machine itself is away, becomes a failure.
- **failure**: a person has to act. The hook's response has the status Failure and HTTP status 200. Cluster API sets
  \`InPlaceUpdateFailed\` in the Machine's condition Updating, writes the message to its controller's log, and calls
  again. The upgrade rests for 10 seconds after a failure, then for 20, and for an hour from the third equal failure on, which is
  the same code in the same step. After \`EXCHANGE_UNDONE\` it rests for an hour at once: the same exchange would only interrupt the
  machine again. A request for something else does not rest.

The endpoints start and sync refuse a request with \`code\`, \`message\` and \`todo\` in JSON, and with the HTTP status
400, or 401 (\`TOKEN_WRONG\`, \`CLIENT_CERTIFICATE\`), 404 (\`NOT_STARTED\`, \`HOOK_UNKNOWN\`), 409 (progress), 413
(\`REQUEST_TOO_LARGE\`), 500 (\`UNEXPECTED\`) or 503 (\`REQUESTS_TOO_MANY\`). A hook refuses a request with
\`CLIENT_CERTIFICATE\` and \`REQUESTS_TOO_MANY\` in the same way, since they are not about the hook.

${table(['Code', 'Answer', 'Message', 'What to do'], rows)}
`
}
