import { BingoError } from '../../model/errors.ts'
import type { Log } from '../../model/rule/action.ts'
import type { PostingError, PostingProblem } from '../../model/event/posted/posting.ts'

/** What a caller is told that something went wrong. */
export interface ApiProblem {
  readonly status: 400 | 401 | 403 | 404 | 405 | 409 | 413 | 415 | 421 | 422 | 429 | 500 | 503
  readonly body: {
    readonly error: string
    readonly code: string
    readonly hint?: string | undefined
    /** Where in what was sent: `$.event.payload`. */
    readonly path?: string | undefined
    readonly problems?: readonly PostingProblem[] | undefined
  }
  readonly retryAfterSeconds?: number | undefined
}

/** Thrown by handlers: the answer is this. */
export class ApiError extends Error {
  readonly problem: ApiProblem

  constructor(status: ApiProblem['status'], code: string, error: string, more: { path?: string; hint?: string } = {}) {
    super(error)
    this.problem = { status, body: { error, code, ...more } }
  }
}

const STATUS: { readonly [code: string]: ApiProblem['status'] } = {
  BINGO_EVENT_REFUSED: 422,
  BINGO_EVENT_HOPS: 422,
  BINGO_LOG_PLACE_INVALID: 422,
  BINGO_EVENT_TOO_LARGE: 413,
  BINGO_EVENT_CONFLICT: 409,
  BINGO_EVENT_RATE: 429,
}

/** Retrying sooner is of no use to anybody. */
const RETRY_SECONDS = 1

/** Null: nobody has foreseen this error, and its message is none of the caller's business. */
export function problemOf(error: unknown): ApiProblem | null {
  if (error instanceof ApiError) return error.problem
  if (!(error instanceof BingoError)) return null
  const { code, message, hint, retryAfterMs, problems } = error as PostingError
  const status = STATUS[code] ?? 503
  return {
    status,
    body: {
      error: message,
      code,
      ...(hint !== undefined && { hint }),
      ...(problems !== undefined && { path: problems[0]?.path, problems }),
    },
    ...((status === 429 || status === 503) && {
      retryAfterSeconds: retryAfterMs === undefined ? RETRY_SECONDS : Math.max(1, Math.ceil(retryAfterMs / 1_000)),
    }),
  }
}

/** What a request is answered that failed with this error. One that nobody has foreseen is logged. */
export function answerTo(
  error: Error,
  log: Log,
): Pick<ApiProblem, 'status' | 'body'> & { headers: Record<string, string> } {
  const problem = problemOf(error)
  if (problem === null) log.error({ code: 'BINGO_INTERNAL', err: error.stack ?? error.message }, 'request failed')
  const { status, body, retryAfterSeconds } = problem ?? INTERNAL
  const headers = {
    ...(status === 401 && { 'www-authenticate': 'Bearer' }),
    ...(retryAfterSeconds !== undefined && { 'retry-after': String(retryAfterSeconds) }),
  }
  return { status, body, headers }
}

const INTERNAL: ApiProblem = {
  status: 500,
  body: { error: 'internal error (a bug in BinGo: please report it)', code: 'BINGO_INTERNAL' },
}
