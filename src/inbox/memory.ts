import type { InboxMessage, InboxStorage } from './contract.ts'
import { MemoryNotes } from './memory-notes.ts'

/** Messages that this process has handled, for tests. It has no transactions: a message whose work failed was handled. */
export class MemoryInbox extends MemoryNotes<null> implements InboxStorage {
  async begin(_transaction: unknown, message: InboxMessage): Promise<boolean> {
    return this.add(keyOf(message), null)
  }

  async result(_transaction: unknown, message: InboxMessage): Promise<string | null> {
    return this.get(keyOf(message))?.result ?? null
  }

  async finish(_transaction: unknown, message: InboxMessage, result: string): Promise<void> {
    this.setResult(keyOf(message), result)
  }
}

function keyOf({ id, handler }: InboxMessage): string {
  return JSON.stringify([handler, id])
}
