import type { Clock } from '../model/clock.ts'
import { systemClock } from '../model/clock.ts'
import { BingoError } from '../model/errors.ts'
import { nameProblem } from '../model/stored-name.ts'
import { cleanRegularly } from './cleanup.ts'
import type { Inbox, InboxCleanup, InboxMessage, InboxResult, InboxStorage } from './contract.ts'

export interface InboxOptions {
  /** Default: the system clock. */
  readonly clock?: Clock | undefined
}

/** An inbox over a storage: `sqlInbox(…)`, `new MemoryInbox()`, or one of the application's own. */
export function createInbox(storage: InboxStorage, { clock = systemClock }: InboxOptions = {}): Inbox {
  return new StoredInbox(storage, clock)
}

class StoredInbox implements Inbox {
  readonly #storage: InboxStorage
  readonly #clock: Clock

  constructor(storage: InboxStorage, clock: Clock) {
    this.#storage = storage
    this.#clock = clock
  }

  setup(): Promise<void> {
    return this.#storage.setup()
  }

  async once<R>(transaction: unknown, message: InboxMessage, work: () => R | Promise<R>): Promise<InboxResult<R>> {
    check('id', message.id)
    check('handler', message.handler)
    if (!(await this.#storage.begin(transaction, message))) {
      const stored = await this.#storage.result(transaction, message)
      // Without one, the first handling has not ended: it is a part of this very transaction.
      return { duplicate: true, result: (stored === null ? undefined : JSON.parse(stored)) as R }
    }
    const result = await work()
    await this.#storage.finish(transaction, message, resultText(message, result))
    return { duplicate: false, result }
  }

  deleteReceivedBefore(before: Date): Promise<number> {
    return this.#storage.deleteReceivedBefore(before)
  }

  cleanup(options: InboxCleanup): void {
    cleanRegularly(this.#clock, options, (before) => this.deleteReceivedBefore(before))
  }
}

function resultText({ id, handler }: InboxMessage, result: unknown): string {
  try {
    return JSON.stringify(result ?? null)
  } catch (cause) {
    const reason = (cause as Error).message
    const message = `What handler "${handler}" made of message "${id}" cannot be stored as JSON: ${reason}`
    throw new BingoError('BINGO_INBOX_INVALID', message, { cause })
  }
}

function check(field: string, name: unknown): void {
  const problem = name === undefined ? 'is missing' : nameProblem(name)
  if (problem === null) return
  throw new BingoError('BINGO_INBOX_INVALID', `The \`${field}\` of an inbox message ${problem}`, {
    hint: "Give the sender's id of the message, and a name for its handler.",
  })
}
