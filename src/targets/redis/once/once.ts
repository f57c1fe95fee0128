import type { DeliveryRun } from '../../../model/delivery/delivery-run.ts'
import type { BingoError } from '../../../model/errors.ts'
import type { Operation } from '../batch.ts'
import { isCluster, onCluster } from '../on-cluster.ts'
import { APPLY } from './once-scripts.ts'
import { OnceRecord } from './once-record.ts'
import type { OnceConnection } from './once-record.ts'
import { MisfitError, ReplyError } from '../../../clients/redis/replies.ts'

/** Operations in one script: it holds up other clients while it runs. */
const MAX_OPERATIONS = 1_000

/**
 * Runs commands by a script that keeps a record of the events whose effect is there, in the same Redis: a command that is
 * sent again (a lost reply, a crash, a retried dead letter) has no second effect. The record holds what a restart could
 * bring again, and forgets it once the stored checkpoint has passed it.
 */
export class OnceSender {
  private readonly connection: OnceConnection
  private readonly run: DeliveryRun
  private readonly record: OnceRecord
  private checked: Promise<BingoError | null> | null = null

  constructor(connection: OnceConnection, run: DeliveryRun) {
    this.connection = connection
    this.run = run
    this.record = new OnceRecord(connection, run)
  }

  /** One error or null per operation; null when all went well. */
  async send(operations: readonly Operation[]): Promise<readonly (Error | null)[] | null> {
    const refusal = await this.refusal()
    if (refusal !== null) return operations.map(() => refusal)
    const errors: (Error | null)[] = operations.map(() => null)
    for (let from = 0; from < operations.length; from += MAX_OPERATIONS) {
      const stopped = await this.sendSome(operations.slice(from, from + MAX_OPERATIONS), from, errors)
      if (stopped !== null) {
        errors.fill(stopped, from + MAX_OPERATIONS)
        break
      }
    }
    if (errors.some((error) => error !== null)) return errors
    this.record.forgetWhatPassed()
    return null
  }

  /** Effects that are there already outlive what this run forgets: somebody will retry them, some day. */
  async beforeDeadLetter(operations: readonly Operation[]): Promise<void> {
    const ids = effectsOf(operations)
    if (ids.length > 0) await this.record.keepApplied(ids)
  }

  /** Dead letters that were sent are gone: nobody sends them again. */
  async afterRedelivery(operations: readonly Operation[]): Promise<void> {
    const ids = effectsOf(operations)
    if (ids.length > 0) await this.record.forgetRetried(ids)
  }

  /** Fills in the errors of `[from, from + some.length)`; answers the one that keeps the rest from being sent. */
  private async sendSome(some: readonly Operation[], from: number, errors: (Error | null)[]): Promise<Error | null> {
    let answer: readonly (number | string)[]
    try {
      answer = (await this.connection.client.eval(APPLY, ...this.arguments(some))) as readonly (number | string)[]
    } catch (error) {
      errors.fill(error as Error, from, from + some.length)
      return error as Error
    }
    const complete = Array.isArray(answer) && (answer[0] === some.length || answer.at(-1) === 'stopped')
    if (!complete) {
      const misfit = new MisfitError()
      errors.fill(misfit, from, from + some.length)
      return misfit
    }
    for (let i = 1; i + 1 < answer.length; i += 2) {
      const place = from + Number(answer[i])
      const error = new ReplyError(String(answer[i + 1]))
      errors[place] = error
      if (answer[i + 2] !== 'stopped') continue
      errors.fill(error, place, from + some.length)
      return error
    }
    return null
  }

  private arguments(some: readonly Operation[]): [number, ...(string | number)[]] {
    const keys: string[] = [...this.record.keys]
    const values: (string | number)[] = [this.run.epoch ?? '']
    for (const operation of some) {
      if (operation.tag === 'remove') {
        keys.push(...operation.keys)
        values.push('', operation.keys.size === 0 ? 'EXISTS' : operation.verb, Math.max(1, operation.keys.size), 0)
        if (operation.keys.size === 0) keys.push('')
      } else {
        const [key, ...args] = operation.args
        keys.push(key!)
        values.push(operation.once ?? '', operation.name, 1, args.length, ...args)
      }
    }
    return [keys.length, ...keys, ...values]
  }

  /** A Cluster keeps keys of one script on one node only if they share a slot: record and data do not. */
  private refusal(): Promise<BingoError | null> {
    this.checked ??= this.askForCluster().catch((error: unknown) => {
      this.checked = null
      throw error
    })
    return this.checked.catch((error: unknown) => error as BingoError)
  }

  private async askForCluster(): Promise<BingoError | null> {
    return (await isCluster(this.connection.client)) ? onCluster() : null
  }
}

function effectsOf(operations: readonly Operation[]): string[] {
  return operations.flatMap((each) => (each.tag === 'command' && each.once !== null ? [each.once] : []))
}
