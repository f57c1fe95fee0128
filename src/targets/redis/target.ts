import type { DeliveryFailure, Sendable, SendResult, Target } from '../../model/rule/action.ts'
import type { DeliveryRun } from '../../model/delivery/delivery-run.ts'
import type { RedisConnection } from '../../clients/redis/redis.ts'
import { isReply, MisfitError } from '../../clients/redis/replies.ts'
import { BingoError } from '../../model/errors.ts'
import { receiverAnswer } from '../../model/rule/outcome.ts'
import { classify, classifyThrown, REDIS_REPLIES } from '../failure/classify.ts'
import { shortestTimeoutMs } from '../failure/deadline.ts'
import { reasonOf } from '../failure/error-text.ts'
import { deliveryFailure } from '../failure/failure.ts'
import { ConnectionAge } from '../plan/connection-age.ts'
import { InFlight } from '../../model/in-flight.ts'
import { DeadlineError, withDeadline } from '../../model/with-deadline.ts'
import { planCommands, type Operation } from './batch.ts'
import type { CommandPayload, RedisActionOptions } from './options.ts'
import { sendToCluster } from './cluster.ts'
import { CommandWriter } from './command-writer.ts'
import { OnceSender } from './once/once.ts'
import { onCluster } from './on-cluster.ts'
import { RawCommand } from './raw-command.ts'
import { TransactionSender, type FailedCommand } from './transaction.ts'

/** Jobs in one send: enough for the round trip to vanish, few enough to be garbage before they are old (test/bench). */
const MAX_BATCH = 2_000
/** While Redis works on one send, the next is encoded; more would only queue in the socket. */
const MAX_CONCURRENCY = 2
/** How the client words a command timeout; it has no code. */
const TIMED_OUT = 'Command timed out'

/** One Redis (single, Sentinel group, Cluster). A send is one write and one round trip, whatever it holds. */
export class RedisTarget implements Target {
  readonly gather = 'all'
  readonly maxBatch = MAX_BATCH
  readonly maxConcurrency = MAX_CONCURRENCY
  readonly #connection: RedisConnection
  /** Null on a Cluster, and where nothing is sent by a run. */
  readonly #once: OnceSender | null
  readonly #transactions = new TransactionSender()
  readonly #age: ConnectionAge
  readonly #inFlight = new InFlight()
  #renewal: Promise<void> | null = null

  constructor(connection: RedisConnection, maxConnectionAgeMs: number, run: DeliveryRun | null = null) {
    this.#connection = connection
    this.#age = new ConnectionAge(maxConnectionAgeMs)
    this.#once = run === null || 'nodes' in connection.client ? null : new OnceSender(connection, run)
  }

  async send(jobs: readonly Sendable[]): Promise<SendResult> {
    if (this.#age.isOver) this.#renewal ??= this.#renew(shortestTimeoutMs(jobs))
    if (this.#renewal !== null) await this.#renewal
    return this.#inFlight.add(this.#send(jobs))
  }

  /** Once nothing is in flight any more: what is sent over the new connection must not overtake anything. */
  async #renew(timeoutMs: number): Promise<void> {
    await this.#inFlight.ended()
    await this.#connection.renew(timeoutMs)
    this.#age.begin()
    this.#renewal = null
  }

  async #send(jobs: readonly Sendable[]): Promise<SendResult> {
    if (!this.#connection.ready) return failAll(jobs, { kind: 'down', error: this.#connection.unreachable() })
    const failed = await this.#inTime(jobs, shortestTimeoutMs(jobs))
    if (failed === null) return undefined
    this.#distrust(failed)
    const failures: (DeliveryFailure | null)[] = Array.from({ length: jobs.length }, () => null)
    for (const { error, from, to } of failed) failures.fill(redisFailure(error, this.#connection.address), from, to)
    return failures
  }

  /** As `#execute`. What was not answered in time stays under way: nothing is sent behind it until its reply has come. */
  async #inTime(jobs: readonly Sendable[], timeoutMs: number): Promise<readonly FailedCommand[] | null> {
    try {
      return await withDeadline(this.#execute(jobs), timeoutMs)
    } catch (error) {
      if (!(error instanceof DeadlineError)) throw error
      return [{ error, from: 0, to: jobs.length }]
    }
  }

  /** Null when all went well. */
  async #execute(jobs: readonly Sendable[]): Promise<readonly FailedCommand[] | null> {
    const { client } = this.#connection
    if (!('nodes' in client) && isOneTransaction(jobs)) return this.#transactions.send(client, jobs)
    const operations = planCommands(jobs)
    const errors = await this.#executePlanned(operations)
    if (errors === null) return null
    return operations.flatMap(({ from, to }, i) => {
      const error = errors[i] ?? null
      return error === null ? [] : [{ error, from, to }]
    })
  }

  /** One error or null per operation; null when all went well. */
  async #executePlanned(operations: readonly Operation[]): Promise<readonly (Error | null)[] | null> {
    const { client } = this.#connection
    if (operations.some((operation) => operation.tag === 'command' && operation.once !== null)) {
      if (this.#once === null) return operations.map(() => onCluster())
      return this.#once.send(operations)
    }
    if ('nodes' in client) return sendToCluster(client, operations)
    return settle(
      operations.map((operation) =>
        operation.tag === 'command' || operation.keys.size === 0 ? undefined : client.sendCommand(removalOf(operation)),
      ),
    )
  }

  async beforeDeadLetter(jobs: readonly Sendable[]): Promise<void> {
    await this.#once?.beforeDeadLetter(planCommands(jobs))
  }

  async afterRedelivery(jobs: readonly Sendable[]): Promise<void> {
    await this.#once?.afterRedelivery(planCommands(jobs))
  }

  /** Late or misplaced replies say something about the connection, not about the command alone. */
  #distrust(failed: readonly FailedCommand[]): void {
    const error = failed.find((each) => !isReply(each.error))?.error
    if (error instanceof MisfitError) this.#connection.reset(error.message)
    else if (error instanceof DeadlineError || error?.message === TIMED_OUT) this.#connection.doubt()
  }

  async close(): Promise<void> {
    await this.#connection.close()
  }
}

/** Whether there is something to be executed in order that is no removal, and nothing that is recorded. */
function isOneTransaction(jobs: readonly Sendable[]): boolean {
  let hasCommand = false
  for (const { action, payload } of jobs) {
    const { exactlyOnce, removes } = action.options as RedisActionOptions
    if (exactlyOnce) return false
    hasCommand ||= !removes && (payload as CommandPayload).remove !== true
  }
  return hasCommand
}

function removalOf({ verb, keys }: Extract<Operation, { tag: 'remove' }>): RawCommand {
  const writer = new CommandWriter()
  writer.removal(verb, keys)
  return new RawCommand(verb.toLowerCase(), writer.take())
}

/** Waits for all; one error or null each, or null when there was no error. */
async function settle(replies: readonly unknown[]): Promise<readonly (Error | null)[] | null> {
  try {
    const counts = await Promise.all(replies)
    const fits = counts.every((count) => count === undefined || typeof count === 'number')
    return fits ? null : replies.map(() => new MisfitError())
  } catch {
    const settled = await Promise.allSettled(replies)
    return settled.map((reply) => (reply.status === 'rejected' ? (reply.reason as Error) : null))
  }
}

function failAll(jobs: readonly Sendable[], failure: DeliveryFailure): SendResult {
  return jobs.map(() => failure)
}

/** An error reply is judged by its text; everything else (socket, timeout) means that Redis is out of reach. */
function redisFailure(error: Error, address: string): DeliveryFailure {
  if (error instanceof BingoError) return { kind: 'down', error }
  if (!isReply(error) && classifyThrown(error) === 'poison') {
    const message = `not sent to Redis at ${address}: the client rejects the command (${error.name})`
    return deliveryFailure('poison', 'BINGO_REDIS_REFUSED', message, { cause: error })
  }
  if (!isReply(error)) {
    return deliveryFailure(
      'down',
      'BINGO_REDIS_UNREACHABLE',
      `Redis at ${address} did not answer: ${reasonOf(error)}`,
      {
        hint: 'Check that Redis is up and reachable; the events wait.',
        cause: error,
      },
    )
  }
  const kind = classify(REDIS_REPLIES, error.message)
  const word = /^[A-Z]+/.exec(error.message)?.[0] ?? 'ERR'
  return deliveryFailure(kind, 'BINGO_REDIS_REFUSED', `Redis at ${address} answered ${printableReply(error.message)}`, {
    hint: HINTS[word],
    answer: receiverAnswer(word, error.message),
  })
}

/** Error replies can quote arguments, which may hold row values. */
function printableReply(message: string): string {
  return message.replaceAll(/'[^']*'|`[^`]*`/g, "'…'").slice(0, 200)
}

const HINTS: { readonly [word: string]: string } = {
  OOM: 'Raise maxmemory, or choose an eviction policy: Redis is full and must not evict.',
  READONLY: 'Use the address of the master or of the Sentinels: this server is a replica.',
  BINGOFENCED: 'Run one instance per name: a newer run has taken over, and this one stops.',
  NOAUTH: 'Put user and password into the Redis address.',
  WRONGPASS: 'Check user and password in the Redis address.',
  NOPERM: 'Grant the user this command and key (MULTI and EXEC as well) with ACL SETUSER; the events wait.',
  WRONGTYPE: 'Use another key or command: the key holds another type.',
}
