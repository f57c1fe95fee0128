/** A message that came in, and who handles it: each handler of an application handles a message once. */
export interface InboxMessage {
  /** The sender's name for it, the same in every delivery. */
  readonly id: string
  readonly handler: string
}

/** What a message came to: now, or the first time. */
export interface InboxResult<R> {
  readonly duplicate: boolean
  /** Of the work; as JSON gives it back where it is a duplicate. */
  readonly result: R
}

/** Where it is kept which messages were handled. `transaction` is whatever the storage understands as one. */
export interface InboxStorage {
  /** Printable, no secrets. */
  readonly description: string
  /** Makes what it needs where it is missing. */
  setup(): Promise<void>
  /**
   * Notes a message in the transaction; false: it was noted before. Where another transaction has just noted it, this waits
   * until that has ended.
   */
  begin(transaction: unknown, message: InboxMessage): Promise<boolean>
  /** JSON, or null where there is none. */
  result(transaction: unknown, message: InboxMessage): Promise<string | null>
  finish(transaction: unknown, message: InboxMessage, result: string): Promise<void>
  /** Answers how many messages were forgotten. */
  deleteReceivedBefore(before: Date): Promise<number>
}

export interface Inbox {
  /** Makes the table where it is missing. */
  setup(): Promise<void>
  /**
   * Does the work unless it was done for this message by this handler, in a transaction that the application has open and
   * ends: of mysql2, pg, node:sqlite, Kysely, Prisma or Drizzle. When that rolls back, the message was not handled.
   */
  once<R>(transaction: unknown, message: InboxMessage, work: () => R | Promise<R>): Promise<InboxResult<R>>
  /** Forgets messages that came before: they are handled again if they come again. Answers how many. */
  deleteReceivedBefore(before: Date): Promise<number>
  /** Forgets messages of this age, every so often, until the signal is aborted. */
  cleanup(options: InboxCleanup): void
}

export interface InboxCleanup {
  /** Longer than any sender repeats a message. */
  readonly keepMs: number
  /** Default: one hour. */
  readonly everyMs?: number | undefined
  readonly signal: AbortSignal
  /** Told when the storage cannot be used. Default: nobody. */
  readonly onError?: ((error: unknown) => void) | undefined
}
