import { errors } from '../../src/errors.ts'
import { heading, table } from './table.ts'

export function errorsPage(): string {
  const rows = Object.entries(errors).map(([code, { answer, message, todo }]) => [`\`${code}\``, answer, message, todo])
  return `${heading('Errors', 'src/errors.ts')}

Every error has a code, which stands in brackets at the end of its message. A message stays the same as long as what
it tells of does, because Cluster API copies messages into conditions. \`{…}\` is filled in. The log has more: the
cause, the last lines of what failed, and what to do.

Each error is one of three answers:

- **decline**: the change is not made in place. Only the CanUpdate hooks decline: their answer is a Success that leaves
  the change out of its patches, and Cluster API replaces the machine. The reason is in the service's log. A version
  that cannot be read (\`VERSION_FORM\`) is declined by them too.
- **progress**: it may pass by itself. UpdateMachine answers Success with the message and a time to ask again; the
  message is in the Machine's condition Updating. What does not pass within the limit of its step, or within ten minutes
  where the machine itself is away, becomes a failure.
- **failure**: a person is needed. The hook's answer has the status Failure and HTTP status 200. Cluster API says
  \`InPlaceUpdateFailed\` in the Machine's condition Updating, has the message in its controller's log, and goes on
  asking: the upgrade is tried again, at first after 10 seconds, later after 5 minutes.

The endpoints start and sync answer a request that they refuse with \`code\`, \`message\` and \`todo\` in JSON, and with
the HTTP status 400, or 401 (\`TOKEN_WRONG\`, \`CLIENT_CERTIFICATE\`), 404 (\`NOT_STARTED\`, \`HOOK_UNKNOWN\`), 409
(progress), 413 (\`REQUEST_TOO_LARGE\`), 500 (\`UNEXPECTED\`) or 503 (\`REQUESTS_TOO_MANY\`). A hook answers
\`CLIENT_CERTIFICATE\` and \`REQUESTS_TOO_MANY\` in the same way, since they are not about the hook.

${table(['Code', 'Answer', 'Message', 'What to do'], rows)}
`
}
