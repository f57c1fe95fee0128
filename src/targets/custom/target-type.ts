import type { DeliveryFailure, Log } from '../../model/rule/action.ts'
import type { FieldSpec } from '../../model/rule/action-field.ts'

/** A kind of target of an application's own: rules use it as `type: NAME`. */
export interface TargetType {
  /** What rules call it. The names of built-in types are taken. */
  readonly type: string
  /**
   * Fields that an action of this type may have, beside `body` and those that every action has. Templates and structures
   * are rendered per message; everything else is the same for all messages of an action.
   */
  readonly fields?: { readonly [name: string]: FieldSpec } | undefined
  /**
   * Names of those fields that make up the address, and so are given to `open`. Actions that say the same share one
   * target. They may also stand on a named target (`targets:` of the settings). No templates.
   */
  readonly targetFields?: readonly string[] | undefined
  /**
   * Called ahead of the first message, and again with growing pauses while it throws: messages wait meanwhile. A BingoError
   * gives a code of your own.
   */
  open(options: TargetOptions, context: OpenContext): CustomTarget | Promise<CustomTarget>
}

/** Values of fields by name; durations are milliseconds, sizes bytes, rates per second, maps plain objects. */
export interface TargetOptions {
  readonly [field: string]: unknown
}

export interface OpenContext {
  readonly log: Log
  /** As logs and statistics call the target. */
  readonly target: string
}

/** One message on its way to a target. */
export interface TargetMessage {
  /** Of the event: the same after any replay, so it tells duplicates. */
  readonly id: string
  /** The rule that sends it. */
  readonly rule: string
  /** Messages with one key are sent in the order of the changes. */
  readonly key: string
  /** When the change was committed, milliseconds since 1970. */
  readonly at: number
  /** What `body:` of the action renders; without it the whole event: a `ChangeEvent`, or a posted event as JSON. */
  readonly body: unknown
  /** The other fields of the action that are not part of the address. */
  readonly fields: TargetOptions
}

export interface CustomTarget {
  /** Most messages in one send. Default: 100. */
  readonly maxBatch?: number | undefined
  /**
   * Sends in flight at once; messages with one key are never in two of them. Default: 1. More than 1: one send then carries
   * messages of one action and one lane only.
   */
  readonly maxConcurrency?: number | undefined
  /**
   * Resolves when the messages are taken. Answers what failed, one entry per message and null where it was taken: `down`
   * waits and keeps the order, `poison` makes a dead letter, `unknown` is retried up to `retry.attempts`. Rejecting is
   * `unknown` for all of them. `signal` is aborted after `timeout` of the action, and when a stop gives up.
   */
  send(
    messages: readonly TargetMessage[],
    signal: AbortSignal,
  ): Promise<void | readonly (DeliveryFailure | null)[]> | void | readonly (DeliveryFailure | null)[]
  /** Called once, when no rule names the target any more or the pipeline has stopped. */
  close?(): void | Promise<void>
}
