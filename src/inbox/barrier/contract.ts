import type { InboxCleanup } from '../contract.ts'

/** A step's action, or its compensation. */
export type SagaOperation = 'do' | 'undo'

/** What the headers of a saga's command say. */
export interface SagaCommand {
  /** The instance: `SAGA/KEY`. */
  readonly saga: string
  readonly step: string
  readonly operation: SagaOperation
  /** Counted from 1; null where the sender did not say. */
  readonly attempt: number | null
}

/** What a barrier lets through. */
export interface BarrierWork extends SagaCommand {
  /** Undo: what the work of the do returned, as JSON gives it back; null where it returned nothing. Do: null. */
  readonly done: unknown
}

/**
 * first: the work is to be done, and was done where it was given. repeated: it was done before. nothing-to-undo: an undo
 * whose do never came; from now on the do is refused. undone: a do whose undo came first.
 */
export type BarrierOutcome = 'first' | 'repeated' | 'nothing-to-undo' | 'undone'

export interface BarrierResult<R> {
  readonly outcome: BarrierOutcome
  /** Of the work: now, or the first time, as JSON gives it back. Null for nothing-to-undo and undone. */
  readonly result: R | null
}

/** Headers as HTTP servers and clients of brokers hand them over; names in any letter case. */
export type SagaHeaders = { get(name: string): unknown } | { readonly [name: string]: unknown }

/** Lets each command of a saga through at most once, whatever comes twice, late or in the wrong order. */
export interface Barrier {
  /**
   * Notes the command in a transaction that the application has open and ends: of mysql2, pg, node:sqlite, Kysely, Prisma
   * or Drizzle. Does the work if it is to be done; when the work throws or the transaction rolls back, the command did not
   * come. Waits where another transaction has just noted a command of this step.
   */
  <R = null>(
    transaction: unknown,
    headers: SagaHeaders,
    work?: (command: BarrierWork) => R | Promise<R>,
  ): Promise<BarrierResult<R>>
  /** Makes the table where it is missing. */
  setup(): Promise<void>
  /** Forgets commands that came before. Answers how many. */
  deleteReceivedBefore(before: Date): Promise<number>
  /** Forgets commands of this age, every so often: keep them for longer than any saga lives. */
  cleanup(options: InboxCleanup): void
}

/** One operation of a step, as it is noted. */
export interface NotedCommand {
  readonly saga: string
  readonly step: string
  readonly operation: SagaOperation
  /** `undo` in the note of a do: the undo came first. */
  readonly notedBy: SagaOperation
}

/** Where it is kept which commands came. `transaction` is whatever the storage understands as one. */
export interface BarrierStorage {
  /** Printable, no secrets. */
  readonly description: string
  setup(): Promise<void>
  /** False: this operation of the step was noted before. Waits for a transaction that has just noted it. */
  note(transaction: unknown, command: NotedCommand): Promise<boolean>
  /** `result`: JSON, or null where there is none. Null: not noted. */
  find(
    transaction: unknown,
    command: Pick<NotedCommand, 'saga' | 'step' | 'operation'>,
  ): Promise<{ readonly notedBy: SagaOperation; readonly result: string | null } | null>
  finish(
    transaction: unknown,
    command: Pick<NotedCommand, 'saga' | 'step' | 'operation'>,
    result: string,
  ): Promise<void>
  deleteReceivedBefore(before: Date): Promise<number>
}
