import type { DeliveryFailure, Sendable, SendResult, Target, TargetContext } from '../../model/rule/action.ts'
import type { Content } from '../../model/event/bytes/content.ts'
import { codeOf, reasonOf } from '../failure/error-text.ts'
import { deliveryFailure } from '../failure/failure.ts'
import { FileLines } from './file-lines.ts'
import { LineBlocks } from './line-blocks.ts'
import { StdoutLines } from './stdout-lines.ts'
import type { Lines } from './lines.ts'

export interface LogTargetOptions {
  /** `stdout` or a file. */
  readonly path: string
  readonly fsync: boolean
}

/** Of short lines some hundred kilobytes: a system call, and the way to the thread that makes it, costs as much as a hundred lines. */
const MAX_BATCH = 8_192

export async function openLogTarget(
  options: LogTargetOptions,
  context: Pick<TargetContext, 'log' | 'onReopen'>,
): Promise<Target> {
  const lines =
    options.path === 'stdout' ? new StdoutLines() : await FileLines.open(options.path, options.fsync, context)
  return new LogTarget(options.path, lines)
}

/** Lines of JSON in the order of the events. One send at a time, so that several rules can share a file. */
class LogTarget implements Target {
  readonly gather = 'all'
  readonly maxBatch = MAX_BATCH
  readonly maxConcurrency = 1
  readonly #path: string
  readonly #lines: Lines
  readonly #blocks = new LineBlocks()

  constructor(path: string, lines: Lines) {
    this.#path = path
    this.#lines = lines
  }

  async send(jobs: readonly Sendable[]): Promise<SendResult> {
    for (const job of jobs) this.#blocks.add(job.payload as Content)
    try {
      await this.#lines.write(this.#blocks.take())
      return undefined
    } catch (error) {
      const failure = this.#failure(error)
      return jobs.map(() => failure)
    }
  }

  /** Whatever it is (disk full, read-only, pipe closed), no event is to blame. */
  #failure(error: unknown): DeliveryFailure {
    const code = codeOf(error)
    return deliveryFailure('down', 'BINGO_LOG_WRITE', `Cannot write the audit log ${this.#path}: ${reasonOf(error)}`, {
      hint: code === 'ENOSPC' ? 'Free space: the disk is full; the events wait.' : undefined,
      cause: error,
    })
  }

  async close(): Promise<void> {
    await this.#lines.close()
  }
}
