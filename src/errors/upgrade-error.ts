import { catalogue, type ErrorCode, type ValuesOf } from './catalogue.ts'
import type { Description, ErrorAnswer } from './entry.ts'

/** What only the log shows. */
export interface LogDetails {
  /** What was thrown below. */
  cause?: unknown
  /** What failed printed. The last 8,000 characters of it are kept. */
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
/** How many characters of what a command printed an error keeps. A machine may print some MiB, and many errors are kept. */
const longestDetail = 10_000

/**
 * An error of the catalogue. `message` and `todo` are one line of at most 1,000 characters each, whatever the values
 * hold. `message` ends with the code in brackets. Of long values and details only a part is kept.
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

/** The end of what a command printed, as much as an error keeps of it. */
export function endOf(printed: string): string {
  return copyOf(printed.slice(-longestDetail))
}

/** Any thrown value as an error of the catalogue. What is not ours becomes UNEXPECTED with the original as cause. */
export function coded(thrown: unknown): UpgradeError {
  return thrown instanceof UpgradeError ? thrown : new UpgradeError('UNEXPECTED', {}, { cause: thrown })
}

/**
 * The error that a machine's record names. The record may come from another version of this program, so neither
 * code nor values are trusted: an unknown code becomes UNEXPECTED, and a missing value reads "unknown".
 */
export function rememberedError(code: string | undefined, values: Record<string, unknown> = {}): UpgradeError {
  if (!isErrorCode(code)) return new UpgradeError('UNEXPECTED')
  const remembered = valuesFor(code, (name) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined
    return typeof value === 'string' ? value : 'unknown'
  })
  return new UpgradeError<ErrorCode>(code, remembered as ValuesOf<ErrorCode>)
}

/** The entry of a code with `{name}` in place of each value, as documentation shows it. */
export function template(code: ErrorCode): Description {
  return describe(
    code,
    valuesFor(code, (name) => `{${name}}`),
  )
}

// What is longer does not fit into a message either.
function shortened(values: Text): Text {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, copyOf(value.slice(0, longestText))]))
}

// A part of a string keeps all of the string in memory.
function copyOf(part: string): string {
  return Buffer.from(part).toString()
}

function isErrorCode(name: string | undefined): name is ErrorCode {
  return name !== undefined && Object.hasOwn(catalogue, name)
}

/** One value for each name that the entry of a code uses. */
function valuesFor(code: ErrorCode, textFor: (name: string) => string): Text {
  const names = new Set<string>()
  const recorder = new Proxy<Text>({}, { get: (_, name) => names.add(String(name)) && '' })
  describe(code, recorder)
  return Object.fromEntries([...names].map((name) => [name, textFor(name)]))
}

/** The entry of a code, filled in. The constructor's arguments prove that the values fit the code. */
function describe(code: ErrorCode, values: Text): Description {
  const entry: (values: never) => Description = catalogue[code]
  return entry(values as never)
}

/** Text on one line of at most `longest` characters, without control and format characters; 1,000 where not given. */
export function oneLine(text: string, longest = longestText): string {
  const line = text
    .toWellFormed()
    .replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ')
    .trim()
  return line.length <= longest ? line : `${line.slice(0, longest - 1).toWellFormed()}…`
}
