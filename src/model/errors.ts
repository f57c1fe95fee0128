/**
 * Every failure that an operator or a rule author can meet. `code` is stable and documented in docs/errors.md;
 * `hint` says what the reader can do; `retryable` says whether trying again, unchanged, can succeed.
 */
export class BingoError extends Error {
  readonly code: string
  readonly hint: string | undefined
  readonly retryable: boolean

  constructor(
    code: string,
    message: string,
    options: { hint?: string | undefined; retryable?: boolean; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'BingoError'
    this.code = code
    this.hint = options.hint
    this.retryable = options.retryable ?? false
  }
}

/** A place in a file that a person wrote. Lines and columns count from 1. */
export interface SourceLocation {
  readonly file: string
  readonly line: number
  readonly column: number
  /** The offending text, one line, as written. */
  readonly excerpt?: string | undefined
}

/** One thing wrong with a configuration or rules file. Many are reported at once. */
export interface Problem {
  readonly code: string
  /** `note`: nothing is wrong, but something was not judged. */
  readonly severity: 'error' | 'warning' | 'note'
  readonly location: SourceLocation | undefined
  /** What is wrong. */
  readonly message: string
  /** What would be right. */
  readonly hint?: string | undefined
  readonly ruleId?: string | undefined
}

/** Thrown when a file could not be accepted; carries all problems, not the first only. */
export class ProblemsError extends BingoError {
  readonly problems: readonly Problem[]

  constructor(problems: readonly Problem[]) {
    super('BINGO_INVALID_INPUT', summaryOf(problems))
    this.problems = problems
  }
}

/** For whoever prints nothing but the message. */
function summaryOf(problems: readonly Problem[]): string {
  const first = problems.find(({ severity }) => severity === 'error') ?? problems[0]
  if (first === undefined) return 'the input cannot be used'
  const { code, location, message } = first
  const place = location === undefined ? '' : `${location.file}:${location.line}:${location.column} `
  const rest = problems.length - 1
  return `${place}${code} ${message}${rest === 0 ? '' : ` (and ${rest} more)`}`
}

/**
 * One change could not be evaluated or rendered for one rule: a filter that fails, a template that reads NULL.
 * The event goes to the dead letters; other rules and other rows go on.
 */
export class EvaluationError extends BingoError {}

/** What of a rule could not be evaluated: its filter, the `when` of an action, or what the action sends. */
export const EVALUATION_STAGES = ['filter', 'when', 'payload'] as const

export type EvaluationStage = (typeof EVALUATION_STAGES)[number]
