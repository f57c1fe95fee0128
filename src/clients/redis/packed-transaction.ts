// oxlint-disable-next-line no-restricted-imports -- a command to be sent, not a connection
import { Command, type Redis } from 'ioredis'
import { MisfitError, ReplyError } from './replies.ts'
import { type CountedReplies, ReplyRouter } from './reply-router.ts'

const [ERROR, ARRAY] = [0x2d, 0x2a]
const [OK, QUEUED] = ['+OK', '+QUEUED'].map((line) => Buffer.from(line))
const DONE = Buffer.from('+OK\r\n')

/** What EXEC answered, or what kept it from being executed. */
class TransactionReplies implements CountedReplies {
  /** By place of the command; null: none was refused. */
  errors: Map<number, Error> | null = null
  /** MULTI, the commands and EXEC were answered as Redis answers them. */
  fit = true
  readonly #count: number
  #ended = 0
  #elements = 0
  /** The line of the first error before EXEC was done. */
  #refusal: string | null = null

  constructor(count: number) {
    this.#count = count
  }

  value(bytes: Buffer, start: number, end: number, depth: number): void {
    if (depth === 0) this.#reply(bytes, start, end)
    else if (depth === 1 && this.#ended > this.#count) this.#element(bytes, start, end)
  }

  /** MULTI's, one for each command, EXEC's. A refusal of EXEC gives the reason that was found before. */
  #reply(bytes: Buffer, start: number, end: number): void {
    if (bytes[start] === ERROR) this.#refusal ??= bytes.toString('utf8', start, end)
    else if (this.#ended <= this.#count) this.fit &&= isLine(bytes, start, end, this.#ended === 0 ? OK! : QUEUED!)
    else this.fit &&= bytes[start] === ARRAY && bytes.toString('latin1', start + 1, end) === String(this.#count)
  }

  #element(bytes: Buffer, start: number, end: number): void {
    const place = this.#elements++
    if (bytes[start] !== ERROR) return
    this.errors ??= new Map()
    this.errors.set(place, new ReplyError(bytes.toString('utf8', start + 1, end)))
  }

  replyEnded(): Buffer | null {
    this.#ended += 1
    if (this.#ended < this.#count + 2) return null
    // The client has to see it: a READONLY makes it look the master up.
    return this.#refusal === null ? DONE : Buffer.from(`${this.#refusal}\r\n`)
  }
}

function isLine(bytes: Buffer, start: number, end: number, line: Buffer): boolean {
  if (end - start !== line.length) return false
  for (let i = 0; i < line.length; i++) if (bytes[start + i] !== line[i]) return false
  return true
}

/** All commands of a transaction in one write, and one place in the client's queue for all of their replies. */
class PackedTransaction extends Command {
  readonly replies: TransactionReplies
  readonly #bytes: Buffer

  constructor(bytes: Buffer, count: number) {
    super('exec', [])
    this.#bytes = bytes
    this.replies = new TransactionReplies(count)
  }

  override toWritable(): Buffer {
    return this.#bytes
  }
}

/**
 * Sends `count` commands between MULTI and EXEC, all of them encoded. The client's own pipeline has an object, a promise
 * and a timer for each command, and makes objects of each reply, which took most of the time and of the memory of a large
 * send (`npm run bench -- --only g --targets redis`).
 * Answers the errors of commands by their place; null: there was none. Rejects with the reply that discarded the
 * transaction, with MisfitError, or with what happened to the connection.
 */
export async function sendPacked(
  client: Redis,
  bytes: Buffer,
  count: number,
): Promise<ReadonlyMap<number, Error> | null> {
  const transaction = new PackedTransaction(bytes, count)
  ReplyRouter.of(client.stream)?.count(() => {
    const next = client.commandQueue.peekFront()?.command
    return next instanceof PackedTransaction ? next.replies : null
  })
  await client.sendCommand(transaction)
  if (!transaction.replies.fit) throw new MisfitError()
  return transaction.replies.errors
}
