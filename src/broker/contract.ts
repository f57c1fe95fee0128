import type { EventDetails, PublishedEvent, PublishOptions } from '../events/to-publish.ts'
import type { RedeliveryResult } from '../app/library/contract.ts'
import type { Clock } from '../model/clock.ts'
import type { DeadLetter, DeadLetterFilter } from '../model/delivery/dead-letter.ts'
import type { EventRecord } from '../model/event/posted/event-record.ts'
import type { Log } from '../model/rule/action.ts'
import type { FittingTypes, KnownPattern } from './pattern-types.ts'

/** Any type, any payload: what a broker without an event map takes. */
export type AnyEvents = { readonly [type: string]: unknown }

/** An event as its handlers see it. It is shared by them, and frozen. */
export interface BrokerEvent<Type extends string = string, Payload = unknown> {
  readonly id: string
  readonly type: Type
  readonly payload: Payload
  readonly key: string | null
  readonly source: string
  readonly context: { readonly [name: string]: unknown }
  readonly metadata: { readonly [name: string]: unknown }
  readonly userId: string | null
  readonly sessionId: string | null
  readonly accountId: string | null
  readonly correlationId: string | null
  readonly causationId: string | null
  readonly traceparent: string | null
  /** ISO 8601. */
  readonly timestamp: string
  readonly isTest: boolean
}

/** The events of a map that fit a pattern: a union that `type` tells apart. */
export type EventsOf<Events extends object, Pattern extends string> =
  FittingTypes<Events, Pattern> extends infer Type
    ? Type extends string
      ? BrokerEvent<Type, Type extends keyof Events ? Events[Type] : unknown>
      : never
    : never

export interface HandlerContext {
  /** 1, 2, …: a handler that throws is called again. */
  readonly attempt: number
  /** Aborted when a stop gives up waiting, or `timeout` has passed. */
  readonly signal: AbortSignal
}

/**
 * Resolves when the event is handled. What it throws counts as a failed attempt; an error with `retryable: false` is not
 * retried. An event may come twice after a crash: `event.id` tells.
 */
export type Handler<Event> = (event: Event, context: HandlerContext) => void | Promise<void>

export interface SubscriptionOptions {
  /** Handlers of one group share their events: each goes to one of them, those of one key to the same one. */
  readonly group?: string | undefined
  /**
   * What dead letters know the subscription by, over restarts of the program. Default: the group, else the pattern with
   * `~2`, `~3` … where there are several.
   */
  readonly id?: string | undefined
}

/** Milliseconds, or a duration such as `30s`. */
export type Duration = number | string

export interface BrokerRetry {
  /** Calls of a handler before the event becomes a dead letter. Default: 3. */
  readonly attempts?: number | undefined
  /** The first pause at most; it doubles. Default: 1 s. */
  readonly min?: Duration | undefined
  /** Default: 30 s. */
  readonly max?: Duration | undefined
}

export interface BrokerOptions {
  /** Where events are kept: `memory:`, `file:PATH`, `mysql://…`, `mariadb://…`, `postgres://…`. Default: `memory:`. */
  readonly store?: string | undefined
  /** What `publish` does: `sync` waits for the handlers, `async` for the store. Default: `async`. */
  readonly mode?: 'sync' | 'async' | undefined
  /** Handlers at work at once. Default: 10. */
  readonly workers?: number | undefined
  /** Events that were published and not handled yet; when there are so many, publishing waits. Default: 10,000. */
  readonly buffer?: number | undefined
  readonly retry?: BrokerRetry | undefined
  /**
   * What a dead letter means for later events of its key: `skip` goes on with them, `park` lets them wait behind it until it
   * is redelivered. Default: `skip`.
   */
  readonly onFailure?: 'skip' | 'park' | undefined
  /** How long a handler may take. Default: as long as it likes. */
  readonly timeout?: Duration | undefined
  /**
   * Each name sees all events of a store on a server. Of several brokers of one name one handles them, the others publish and
   * take over when it ends. Default: `broker`.
   */
  readonly name?: string | undefined
  /**
   * Where dead letters are kept: `memory:`, `file:PATH`, `redis://…`. Default: in memory beside a store in memory, in
   * `PATH.state` beside a file; needed beside a server.
   */
  readonly state?: string | undefined
  /** How long `stop` waits for handlers. Default: 10 s. */
  readonly shutdown?: Duration | undefined
  /** Default: silent. */
  readonly log?: Log | undefined
  readonly clock?: Clock | undefined
}

export interface StartOptions {
  /** Stops the broker when it is aborted. */
  readonly signal?: AbortSignal | undefined
  /**
   * Signals of the process that stop it. Where nobody else listens to the signal, it is raised again after the stop, and ends
   * the process as it would have done. Default: none.
   */
  readonly signals?: readonly NodeJS.Signals[] | undefined
}

export interface PublishEventOptions extends EventDetails, PublishOptions {
  /** What is done when `buffer` is full. Default: `wait`; `reject` is BINGO_BROKER_FULL. */
  readonly whenFull?: 'wait' | 'reject' | undefined
  /** Ends waiting for room, and that for handlers; an event that is stored stays. */
  readonly signal?: AbortSignal | undefined
}

export type PublishBatchOptions = PublishOptions & Pick<PublishEventOptions, 'whenFull' | 'signal'>

/** An event of a batch. */
export type BatchEvent<Events extends object> = {
  [Type in keyof Events & string]: EventDetails & { readonly type: Type; readonly payload: Events[Type] }
}[keyof Events & string]

/** What `stop` could not bring to an end. */
export interface StopResult {
  /** Events that were published and are not handled; those of a file or server are handled after the next start. */
  readonly left: number
  /** Of a store in memory these events themselves, which nobody else has: delayed ones too. */
  readonly events: readonly EventRecord[]
}

export interface BrokerStats {
  readonly state: 'created' | 'starting' | 'running' | 'stopping' | 'stopped'
  /** Published and not handled yet. */
  readonly pending: number
  /** Calls of `publish…` that wait for room. */
  readonly waiting: number
  readonly publishedTotal: number
  /** Events that went through all their handlers. */
  readonly completedTotal: number
  /** Events of which some handler ended in a dead letter. */
  readonly failedTotal: number
  /** Calls of handlers that failed, those that were repeated included. */
  readonly failedAttemptsTotal: number
  readonly subscriptions: readonly SubscriptionStats[]
}

export interface SubscriptionStats {
  readonly id: string
  readonly pattern: string
  readonly group: string | null
  /** Of its group, where it has one. */
  readonly handledTotal: number
  readonly deadLettersTotal: number
}

/** Takes events in, keeps them, and hands them to handlers: in order per key, with retries and dead letters. */
export interface Broker<Events extends object = AnyEvents> {
  /**
   * As `publishSync` or `publishAsync`, by `mode`; inside of a handler always the latter. Rejects with
   * BINGO_BROKER_NOT_STARTED before `start`, with BINGO_BROKER_STOPPED after a stop began.
   */
  publish<Type extends keyof Events & string>(
    type: Type,
    payload: Events[Type],
    options?: PublishEventOptions,
  ): Promise<PublishedEvent>
  /**
   * Resolves when all handlers are done, and rejects with what the handler threw at last (several: an AggregateError). A
   * stop before that rejects with BINGO_BROKER_STOPPED. Inside of a handler it is BINGO_BROKER_SYNC_IN_HANDLER.
   */
  publishSync<Type extends keyof Events & string>(
    type: Type,
    payload: Events[Type],
    options?: PublishEventOptions,
  ): Promise<PublishedEvent>
  /** Resolves when the event is as durable as the store can make it. */
  publishAsync<Type extends keyof Events & string>(
    type: Type,
    payload: Events[Type],
    options?: PublishEventOptions,
  ): Promise<PublishedEvent>
  /** All or none; resolves as `publish` does. */
  publishBatch(events: readonly BatchEvent<Events>[], options?: PublishBatchOptions): Promise<readonly PublishedEvent[]>
  /**
   * Handlers of one event run in the order in which they subscribed, one after the other. Answers the id. Subscribe before
   * `start`: what is in the store is read from then on, and an event that has no handler is done. Throws
   * BINGO_BROKER_SUBSCRIPTION.
   */
  subscribe<const Pattern extends string>(
    pattern: KnownPattern<Events, Pattern>,
    handler: Handler<EventsOf<Events, Pattern>>,
    options?: SubscriptionOptions,
  ): string
  /** The handler is not called any more, but for what it is doing. False: there is no such subscription. */
  unsubscribe(id: string): boolean
  /** Opens the store. Rejects with its error, or with BINGO_BROKER_STARTED. */
  start(options?: StartOptions): Promise<void>
  /**
   * Takes nothing new, lets handlers end for up to `shutdown`, and gives back what is left. Events that wait in a file or on a
   * server stay there. Rejects with what ended the broker before, if anything did.
   */
  stop(): Promise<StopResult>
  stats(): BrokerStats
  /** Oldest first. */
  deadLetters(filter?: DeadLetterFilter): AsyncIterable<DeadLetter>
  /** Calls the handlers of dead letters again, in the order of each key, and removes what was handled. */
  redeliver(filter?: DeadLetterFilter, signal?: AbortSignal): Promise<RedeliveryResult>
}
