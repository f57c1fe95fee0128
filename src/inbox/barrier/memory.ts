import { MemoryNotes } from '../memory-notes.ts'
import type { BarrierStorage, NotedCommand, SagaOperation } from './contract.ts'

type Command = Parameters<BarrierStorage['find']>[1]

/** Commands that this process has seen, for tests. It has no transactions: a command whose work failed came. */
export class MemoryBarrier extends MemoryNotes<SagaOperation> implements BarrierStorage {
  async note(_transaction: unknown, command: NotedCommand): Promise<boolean> {
    return this.add(keyOf(command), command.notedBy)
  }

  async find(_transaction: unknown, command: Command): ReturnType<BarrierStorage['find']> {
    const noted = this.get(keyOf(command))
    return noted === undefined ? null : { notedBy: noted.more, result: noted.result }
  }

  async finish(_transaction: unknown, command: Command, result: string): Promise<void> {
    this.setResult(keyOf(command), result)
  }
}

function keyOf({ saga, step, operation }: Command): string {
  return JSON.stringify([saga, step, operation])
}
