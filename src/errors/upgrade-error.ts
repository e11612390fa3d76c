import { catalogue, type ErrorCode, type ValuesOf } from './catalogue.ts'
import type { Description, ErrorAnswer } from './entry.ts'

/** Details for the log. */
export interface LogDetails {
  /** The original error. */
  cause?: unknown
  /** The output of the failed command. The last 10,000 characters are kept. */
  detail?: string | undefined
}

/** The arguments after the code. A code that needs no values takes none, or an empty object before the details. */
type Arguments<Code extends ErrorCode> =
  unknown extends ValuesOf<Code>
    ? [values?: Record<string, never>, details?: LogDetails]
    : [values: ValuesOf<Code>, details?: LogDetails]

type Text = Readonly<Record<string, string>>

/** The longest message and the longest advice, in characters, so that conditions and log lines stay readable. */
const longestText = 1000
/**
 * The most characters that an error keeps of a command's output: a machine may print some MiB, and many errors are
 * kept.
 */
const longestDetail = 10_000

/**
 * An error of the catalogue. `message` and `todo` are each one line of at most 1,000 characters. `message` ends with
 * the code in parentheses. Long values and details are cut.
 */
export class UpgradeError<Code extends ErrorCode = ErrorCode> extends Error {
  readonly code: ErrorCode
  readonly values: Text
  readonly answer: ErrorAnswer
  readonly todo: string
  readonly detail: string | undefined

  constructor(code: Code, ...[values, details = {}]: Arguments<Code>) {
    const given = shortened((values ?? {}) as Text)
    const { answer, message, todo } = describe(code, given)
    const suffix = ` (${code})`
    super(`${oneLine(message, longestText - suffix.length)}${suffix}`, { cause: details.cause })
    this.name = 'UpgradeError'
    this.code = code
    this.values = given
    this.answer = answer
    this.todo = oneLine(todo, longestText)
    this.detail = details.detail === undefined ? undefined : endOf(details.detail)
  }
}

/** The end of a command's output, as much as an error keeps. */
export function endOf(printed: string): string {
  return copyOf(printed.slice(-longestDetail))
}

/** Converts any thrown value to an error of the catalogue. A foreign error becomes the cause of UNEXPECTED. */
export function coded(thrown: unknown): UpgradeError {
  return thrown instanceof UpgradeError ? thrown : new UpgradeError('UNEXPECTED', {}, { cause: thrown })
}

/**
 * Restores the error in the record of a machine. Another version of this service may have written the record: an
 * unknown code becomes UNEXPECTED, and a missing value becomes "unknown".
 */
export function rememberedError(code: string | undefined, values: Record<string, unknown> = {}): UpgradeError {
  if (!isErrorCode(code)) return new UpgradeError('UNEXPECTED')
  const remembered = valuesFor(code, (name) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined
    return typeof value === 'string' ? value : 'unknown'
  })
  return new UpgradeError<ErrorCode>(code, remembered as ValuesOf<ErrorCode>)
}

/** The description of an error with `{name}` in place of each value, for the documentation. */
export function template(code: ErrorCode): Description {
  return describe(
    code,
    valuesFor(code, (name) => `{${name}}`),
  )
}

// A longer value would not fit into a message.
function shortened(values: Text): Text {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, copyOf(value.slice(0, longestText))]))
}

// Without a copy, the slice would keep the whole string in memory.
function copyOf(part: string): string {
  return Buffer.from(part).toString()
}

function isErrorCode(name: string | undefined): name is ErrorCode {
  return name !== undefined && Object.hasOwn(catalogue, name)
}

/** Builds a value for each name that the entry of a code uses. */
function valuesFor(code: ErrorCode, textFor: (name: string) => string): Text {
  const names = new Set<string>()
  const recorder = new Proxy<Text>({}, { get: (_, name) => names.add(String(name)) && '' })
  describe(code, recorder)
  return Object.fromEntries([...names].map((name) => [name, textFor(name)]))
}

/** Fills in the entry of a code. The types of the constructor guarantee that the values match the code. */
function describe(code: ErrorCode, values: Text): Description {
  const entry: (values: never) => Description = catalogue[code]
  return entry(values as never)
}

/** The text on one line of at most `longest` characters (default 1,000), without control and format characters. */
export function oneLine(text: string, longest = longestText): string {
  const line = text
    .toWellFormed()
    .replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ')
    .trim()
  return line.length <= longest ? line : `${line.slice(0, longest - 1).toWellFormed()}…`
}
