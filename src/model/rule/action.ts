import type { ByteArena } from '../event/bytes/byte-arena.ts'
import type { Change } from '../event/change.ts'
import type { EventSink } from '../event/posted/event-sink.ts'
import type { StreamSink } from '../event/posted/stream-sink.ts'
import type { SagaSink } from '../saga/sink.ts'
import type { DeliveryRun } from '../delivery/delivery-run.ts'
import type { BingoError, SourceLocation } from '../errors.ts'
import type { FieldSpec, Outline } from './action-field.ts'
import type { ReceiverAnswer } from './outcome.ts'
import type { ColumnReads, Structure, Template } from './expression.ts'
import type { TableDef } from '../table/table.ts'
import type { TargetConfig } from './target-config.ts'
import type { ActionPlan, Payload } from './rule.ts'

/** One payload on its way: all that a target sees of it. */
export interface Sendable {
  /** Of the event: the same after any replay. With the action it names the message (targets/plan/message-id.ts). */
  readonly id: string
  /** Of a row its `id` is SCOPE/NUMBER, with one scope for all rows of a transaction. Absent: it is made in another way. */
  readonly idScope?: string | undefined
  readonly idNumber?: number
  /** Of all events, where it is made of several (RowRun). */
  readonly ids?: readonly string[]
  /** What is ordered among itself: the later of two with one key must not overtake the earlier. Stable text. */
  readonly key: string
  /** When the event was committed, in microseconds since 1970. */
  readonly at: number
  readonly payload: Payload
  readonly action: ActionPlan
}

/**
 * Why a send failed. `down`: the target cannot take anything now; wait, keep order, never a dead letter.
 * `poison`: this message will never be taken. `unknown`: cannot tell; retried like `down` up to `retry.attempts`.
 */
export interface DeliveryFailure {
  readonly kind: 'down' | 'poison' | 'unknown'
  readonly error: BingoError
  /** The target asked for this pause (Retry-After), already clamped by the adapter's reading, not by the policy. */
  readonly retryAfterMs?: number | undefined
  /** What the receiver said, where it answered. */
  readonly answer?: ReceiverAnswer | undefined
  /** No answer came in time, on a way of its own: where other sends were answered meanwhile, the target is not down. */
  readonly timedOut?: true | undefined
}

/**
 * What became of a sendable that was sent by `ask`. The value is what the receiver answered: the JSON of an HTTP body of at
 * most 64 kB (null where it is none), the message of a gRPC call.
 */
export type Outcome = { readonly tag: 'done'; readonly value: unknown } | DeliveryFailure

/** `undefined` = everything was acknowledged; else one entry per sendable, null where acknowledged. */
export type SendResult = undefined | readonly (DeliveryFailure | null)[]

/** An open target. `send` never rejects for delivery troubles: it reports them per job. */
export interface Target {
  /**
   * 'all': one send may carry jobs of several lanes and actions, executed in the order given (Redis pipeline, Kafka).
   * 'lane': one send carries consecutive jobs of one action and one lane (webhook).
   */
  readonly gather: 'all' | 'lane'
  /** Most jobs in one send. */
  readonly maxBatch: number
  /** Sends in flight at once over all lanes (per lane always one). */
  readonly maxConcurrency: number
  send(jobs: readonly Sendable[], signal: AbortSignal): Promise<SendResult>
  /**
   * Sends one as `send` does, and reads what the receiver answers, which `send` need not read. Absent where receivers
   * acknowledge only.
   */
  ask?(job: Sendable, signal: AbortSignal): Promise<Outcome>
  /**
   * These are about to become dead letters. One that the target took nevertheless (its answer was lost, or an earlier job
   * of its row failed) has to be known until `afterRedelivery` is told of it. Rejects when it cannot be noted now.
   */
  beforeDeadLetter?(jobs: readonly Sendable[]): Promise<void>
  /** These were dead letters, were taken, and have left their store: nobody sends them a third time. */
  afterRedelivery?(jobs: readonly Sendable[]): Promise<void>
  /**
   * `check --online`: whether the target lets us in and could take what this action sends, without sending anything.
   * Null: it could, as far as it can be asked.
   */
  check?(action: Pick<ActionPlan, 'options' | 'timeoutMs'>): Promise<DeliveryFailure | null>
  /** What `check` leaves out because asking would send something, for people; absent: nothing. */
  readonly unasked?: string
  close(): Promise<void>
}

/** How an action type reads its YAML; one folder each in targets, listed in targets/registry.ts. */
export interface ActionType {
  readonly type: string
  /** Field name → what it may hold. Unknown keys are refused by the rule loader with these names as suggestions. */
  readonly fields: { readonly [name: string]: FieldSpec }
  /** Fields that make up the address; these may stand on a named target too. */
  readonly targetFields: readonly string[]
  /** Coalescing when the rule says nothing. */
  defaultCoalesce(spec: ActionSpec): 'latest' | 'none'
  /** Checks what `fields` cannot say, reports through `spec.fail`, and gives the type's part of an ActionPlan. */
  compile(spec: ActionSpec, defaults: ActionDefaults): CompiledAction
  /** Loads the client library and opens the target. */
  open(target: TargetConfig, context: TargetContext): Promise<Target>
  /** Traces on the target of earlier runs of an instance, for people; null: none. Rejects where it cannot be asked. */
  remembers?(target: TargetConfig, name: string, context: TargetContext): Promise<string | null>
  /**
   * `check --online`: why the action can never work on its target, as only the target can tell; empty when it can. Rejects
   * with a BingoError when the target cannot be asked. Absent where nothing needs asking.
   */
  inspect?(
    action: Pick<ActionPlan, 'target' | 'options'>,
    context: TargetContext,
  ): Promise<readonly InspectionProblem[]>
}

export interface CompiledAction {
  readonly target: TargetConfig
  readonly options: unknown
  reads(table: TableDef): ColumnReads
  /** As in ActionPlan. */
  readonly decodes?: ((table: TableDef) => ColumnReads) | undefined
  /** As in ActionPlan. */
  readonly writesBytes?: true | undefined
  bind(table: TableDef): (change: Change, into?: ByteArena) => Payload
  /** As in ActionPlan. */
  readonly bindPreviousKey?: ((table: TableDef) => (change: Change) => Payload) | undefined
}

/** What `inspect` found; a BingoError is one. */
export interface InspectionProblem {
  readonly code: string
  readonly message: string
  readonly hint?: string | undefined
  /** Absent: the action as a whole. */
  readonly location?: SourceLocation | undefined
}

export interface TargetContext {
  readonly log: Log
  readonly now: () => number
  /** Absent where nothing has to happen once only. */
  readonly run?: DeliveryRun
  /** Asked between the pieces of one send: false when another instance may have taken over. Absent: nobody can. */
  readonly mayDeliver?: (() => boolean) | undefined
  /** Takes events that actions make. Absent: nothing keeps events. */
  readonly events?: EventSink | undefined
  /** Takes events that actions append to streams. Absent: there is no event store. */
  readonly streams?: StreamSink | undefined
  /** Takes what sagas listen to. Absent: there are none. */
  readonly sagas?: SagaSink | undefined
  /** Calls the listener when files are to be reopened (they were rotated); answers what ends that. Absent: never. */
  readonly onReopen?: ((listener: () => void) => () => void) | undefined
}

export interface ActionDefaults {
  /** `redis.url`, or the checkpoint's Redis; undefined when there is none. */
  readonly redisUrl: string | undefined
  /** `webhooks.allowCidrs`. */
  readonly allowCidrs: readonly string[]
  /** Whether something keeps the events that rules make (`events.store`); undefined: not known. */
  readonly keepsEvents?: boolean | undefined
  /** Whether there is an event store that rules append to (`eventStore.url`); undefined: not known. */
  readonly keepsStreams?: boolean | undefined
  /** How many rules a chain of events may come through; undefined: 16. */
  readonly mostHops?: number | undefined
}

/** The fields of one action after generic checks: secrets resolved, durations in ms, templates compiled. */
export interface ActionSpec {
  readonly ruleId: string
  readonly location: SourceLocation
  readonly hasDebounce: boolean
  has(field: string): boolean
  string(field: string): string | undefined
  number(field: string): number | undefined
  boolean(field: string): boolean | undefined
  strings(field: string): readonly string[] | undefined
  stringMap(field: string): ReadonlyMap<string, string> | undefined
  template(field: string): Template | undefined
  templates(field: string): readonly Template[] | undefined
  templateMap(field: string): ReadonlyMap<string, Template> | undefined
  structure(field: string): Structure | undefined
  /** The field as written, with places, for checks against a schema; undefined where it is absent. */
  outline(field: string): Outline | undefined
  object(field: string): ActionSpec | undefined
  /** Name in `targets:` that the action uses, if it names one. */
  readonly targetName: string | undefined
  /** Reports a problem at the field (or the action, where the field is absent). Compilation goes on. */
  fail(field: string, code: string, message: string, hint?: string): void
  /** As `fail`, at a place inside a field. */
  failAt(location: SourceLocation, code: string, message: string, hint?: string): void
}

/** Structured log. Levels as in pino; field names are listed in docs/logs.md. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  child(bindings: object): Log
}
