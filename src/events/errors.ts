import { BingoError } from '../model/errors.ts'
import type { PostingProblem } from '../model/event/posted/posting.ts'

/** Events that cannot be taken as they are. `problems`: at most ten of what is wrong. */
export class InvalidPosting extends BingoError {
  readonly problems: readonly PostingProblem[]

  constructor(problems: readonly PostingProblem[]) {
    const [{ path, message }] = problems as [PostingProblem, ...PostingProblem[]]
    super('BINGO_EVENT_REFUSED', `Invalid event: ${path}: ${message}`, {
      hint: 'Compare the request with /openapi.json, or with docs/http-api.md.',
    })
    this.problems = problems
  }
}

export class TooManyEvents extends BingoError {
  readonly retryAfterMs: number

  constructor(retryAfterMs: number) {
    super('BINGO_EVENT_RATE', 'Too many events: the rate limit is exceeded', {
      hint: 'Retry after the time in Retry-After, or raise events.limits.rate.',
      retryable: true,
    })
    this.retryAfterMs = retryAfterMs
  }
}

export function tooLarge(what: string, bytes: number): BingoError {
  return new BingoError('BINGO_EVENT_TOO_LARGE', `${what} exceeds the limit of ${bytes} bytes`, {
    hint: 'Store large data elsewhere and send a reference, or raise events.limits.',
  })
}

export function tooManyHops(hops: number, limit: number): BingoError {
  return new BingoError(
    'BINGO_EVENT_HOPS',
    `The event is the ${hops}th in a chain of events that rules made; the limit is ${limit}`,
    {
      hint: 'Check whether rules make events that they match themselves, or raise events.limits.hops.',
    },
  )
}
