import type { BingoError } from '../../errors.ts'
import type { Posted } from '../../state/event-provider.ts'

/** On whose behalf events are posted: what their sender cannot say for itself. */
export interface Poster {
  readonly environment: string
  /** Every event is one of a test. */
  readonly isTest: boolean
  /** `source` of events that name none. */
  readonly source: string
  /** Names who is counted for the rate limit: posters of one name share it. Null: not limited. */
  readonly limitedAs: string | null
  /** For events that a rule made: how many lie before them. */
  readonly hops: number
}

export interface PostingOptions {
  /** An event like `{type, payload, key, …}` or `{event: {…}}`'s content, with what docs/http-api.md lists. */
  readonly events: readonly unknown[]
  /** `{deliverAt, deliverAfter, accountId, onConflict}`. */
  readonly options?: unknown
  /** Id of the first event where it has none. */
  readonly idempotencyKey?: string | undefined
  /** Path of an event in what was sent, for messages. Default: `events[i]`. */
  readonly path?: ((index: number) => readonly PropertyKey[]) | undefined
  /** They were read by `parseJson`: nothing else than JSON is in them, and nothing deeper than allowed. */
  readonly isParsed?: boolean | undefined
  /** And the same would be read of what is stored of it: see `ReadJson`. */
  readonly isPlain?: boolean | undefined
  /** They may have a type that only BinGo posts. */
  readonly isReserved?: boolean | undefined
  /** No event is larger than this many bytes of JSON; undefined: each is measured. */
  readonly maxEventBytes?: number | undefined
}

/** Takes in events: for the HTTP API, for `type: event` actions, and for programs. */
export interface EventPublisher {
  /**
   * All or none: resolves when they are as durable as the provider can make them. Rejects with a PostingError where they
   * are refused, with a BingoError of the provider where they cannot be stored now.
   */
  publish(posting: PostingOptions, by: Poster): Promise<readonly Posted[]>
}

/** Who posts in process: rules and programs. */
export function inProcess(environment: string, source: string, hops = 0): Poster {
  return { environment, isTest: false, source, limitedAs: null, hops }
}

/** One thing wrong with what was posted. `path` as in `$.event.payload.items[3]`. */
export interface PostingProblem {
  readonly path: string
  readonly message: string
}

/** What was posted is refused as it stands (`problems`), is too large, or comes too fast (`retryAfterMs`). */
export type PostingError = BingoError & {
  readonly problems?: readonly PostingProblem[]
  readonly retryAfterMs?: number
}
