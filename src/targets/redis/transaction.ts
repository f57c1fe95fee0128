import type { Redis } from 'ioredis'
import type { Content } from '../../model/event/bytes/content.ts'
import type { Sendable } from '../../model/rule/action.ts'
import { sendPacked } from '../../clients/redis/packed-transaction.ts'
import { giveCommands, planCommands, type CommandSink, type Operation } from './batch.ts'
import { CommandWriter } from './command-writer.ts'

/** A command that was refused, or not answered, and the jobs `[from, to)` that it stands for. */
export interface FailedCommand {
  readonly error: Error
  readonly from: number
  readonly to: number
}

/**
 * Sends the commands of jobs in one MULTI/EXEC. What makes Redis refuse for lack of memory, role or readiness is found
 * when a command is queued and discards all of them, so no later command of a key runs without the earlier one
 * (invariant 2) and nothing that ran is sent again (invariant 5). A command that is wrong in itself fails alone.
 */
export class TransactionSender {
  /** As many as are under way at most; the bytes of one that was not answered are never used again. */
  readonly #idle: TransactionWriter[] = []

  /** Null when all went well. */
  async send(client: Redis, jobs: readonly Sendable[]): Promise<readonly FailedCommand[] | null> {
    const writer = this.#idle.pop() ?? new TransactionWriter()
    const bytes = writer.write(jobs)
    if (writer.count === 0) return null
    try {
      const errors = await sendPacked(client, bytes, writer.count)
      writer.reset()
      this.#idle.push(writer)
      return errors === null ? null : failedCommands(jobs, errors)
    } catch (error) {
      return [{ error: error as Error, from: 0, to: jobs.length }]
    }
  }
}

class TransactionWriter implements CommandSink {
  /** Commands between MULTI and EXEC. */
  count = 0
  readonly #writer = new CommandWriter()

  write(jobs: readonly Sendable[]): Buffer {
    this.#writer.begin('multi', 0)
    giveCommands(jobs, this)
    this.#writer.begin('exec', 0)
    return this.#writer.take()
  }

  remove(verb: string, keys: ReadonlySet<string>): void {
    if (keys.size === 0) return
    this.count += 1
    this.#writer.removal(verb, keys)
  }

  command(name: string, args: readonly Content[]): void {
    this.count += 1
    this.#writer.command(name, args)
  }

  reset(): void {
    this.count = 0
    this.#writer.reset()
  }
}

/** Which jobs the commands were that failed: planned once more, as it is seldom asked for. */
function failedCommands(jobs: readonly Sendable[], errors: ReadonlyMap<number, Error>): readonly FailedCommand[] {
  const sent = planCommands(jobs).filter(isNotEmpty)
  return [...errors].map(([place, error]) => ({ error, from: sent[place]!.from, to: sent[place]!.to }))
}

export function isNotEmpty(operation: Operation): boolean {
  return operation.tag === 'command' || operation.keys.size > 0
}
