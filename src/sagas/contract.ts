import type { Value } from '../model/event/row.ts'
import type { SagaPlan } from '../model/saga/definition.ts'
import type { SagaEvent, SagaInstance, SagaOp, SagaRef } from '../model/saga/instance.ts'
import type { SagaFilter, SagaListing, SagaPage } from '../model/saga/store.ts'

/** What an action's send led to. `refused`: it will never be taken. `failed`: perhaps done, perhaps not. */
export type CommandOutcome =
  | { readonly tag: 'done'; readonly value: Value }
  | { readonly tag: 'refused'; readonly code: string; readonly message: string }
  | {
      readonly tag: 'failed'
      readonly code: string
      readonly message: string
      /** The target takes nothing now: this does not count as one of the attempts of `retry`. */
      readonly down: boolean
      /** It was never sent, so that nothing can have happened. */
      readonly untouched?: boolean | undefined
      readonly retryAfterMs?: number | undefined
    }

/** What an operator may ask for. `step` absent: what the instance is at. */
export type SagaCommand =
  /** What failed or is stuck is sent again now, with all its attempts. */
  | { readonly tag: 'retry'; readonly step?: string | undefined }
  /** The step counts as done, or its undo as undone, without being sent. */
  | { readonly tag: 'skip'; readonly step?: string | undefined }
  /** The instance ends as it is: completed, or compensated when it was compensating. */
  | { readonly tag: 'complete' }
  /** Cancels: what was done is undone. */
  | { readonly tag: 'compensate'; readonly reason?: string | undefined }

/** Everything that a saga reacts to. */
export type SagaInput =
  | { readonly tag: 'start'; readonly key: string; readonly event: SagaEvent }
  | { readonly tag: 'confirm'; readonly step: string; readonly payload: Value }
  | { readonly tag: 'reject'; readonly step: string; readonly payload: Value }
  | {
      readonly tag: 'answer'
      readonly step: string
      readonly op: SagaOp
      readonly attempt: number
      readonly outcome: CommandOutcome
    }
  /** Time has passed: what is due is looked at. */
  | { readonly tag: 'tick' }
  /** Nobody knows what became of what was on its way: the process that sent it is gone. */
  | { readonly tag: 'lost' }
  | SagaCommand

/** A command to send, once the transition is stored. */
export interface OutgoingCommand {
  /** `SAGA/KEY/STEP/do` */
  readonly id: string
  readonly step: string
  readonly op: SagaOp
  /** From 1; of this op. */
  readonly attempt: number
}

export interface Advanced {
  /** As it becomes; the very instance that was given when the input changes nothing. Null: there is none. */
  readonly instance: SagaInstance | null
  readonly commands: readonly OutgoingCommand[]
  /** Times at which a `tick` is due, earliest first; `instance.dueAt` is the first. */
  readonly timers: readonly number[]
  /** Why the input changed nothing, or what an operator did wrong; null: it had its effect. */
  readonly ignored: string | null
}

/** For how many milliseconds a command has to wait, since its caller cannot send it now; undefined: it can. */
export type Hold = (step: string, op: SagaOp) => number | undefined

/**
 * The whole behaviour of a saga, without I/O: the same for the daemon, `bingo test` and the simulation. `instance` null: it
 * does not exist. `now`: milliseconds since 1970. `hold` absent: all commands can be sent.
 */
export type Advance = (
  plan: SagaPlan,
  instance: SagaInstance | null,
  input: SagaInput,
  now: number,
  hold?: Hold,
) => Advanced

/** What became of an operator's command. */
export type OperatorAnswer =
  | { readonly tag: 'done'; readonly instance: SagaInstance }
  | { readonly tag: 'unknown' }
  /** It has ended, there is no such step, and so on: for people. */
  | { readonly tag: 'refused'; readonly why: string }

/** What commands and the API need: on the store of a running instance, or beside it. */
export interface SagaOperations {
  list(filter: SagaFilter, page: SagaPage): Promise<SagaListing>
  show(ref: SagaRef): Promise<SagaInstance | null>
  act(ref: SagaRef, command: SagaCommand, by: string): Promise<OperatorAnswer>
}
