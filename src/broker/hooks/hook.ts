import { BingoError } from '../../model/errors.ts'
import type { PublishEventOptions } from '../contract.ts'
import type { Actor } from './actor.ts'
import { plainJson } from './plain-json.ts'

export type HookOperation = 'create' | 'read' | 'update' | 'delete'

/** What hooks need of a broker. */
export interface HookPublisher {
  publishAsync(type: string, payload: unknown, options?: PublishEventOptions): Promise<unknown>
}

export interface HookOptions {
  readonly broker: HookPublisher
  /** The first part of the types: `SCHEMA.ENTITY.OPERATION`. */
  readonly schema: string
  /** Default: create, update and delete. */
  readonly operations?: readonly HookOperation[] | undefined
  /**
   * Told why an event was not published: the broker is stopped or full, its store is down, or the event is refused. Nothing
   * else comes of it. Default: nobody is told.
   */
  readonly onError?: ((error: unknown, type: string) => void) | undefined
}

/** An event as a hook describes it. */
export interface HookEvent extends Actor {
  readonly entity: string
  readonly payload: unknown
  readonly key?: string | null | undefined
  readonly source?: string | undefined
}

const DEFAULT_OPERATIONS: readonly HookOperation[] = ['create', 'update', 'delete']
/** A store that does not answer must not fill the memory of the application. */
const MOST_PENDING = 1_000

/** Publishes beside what an application does: never blocks it, and never fails it. */
export class Hook {
  private readonly options: HookOptions
  private readonly operations: ReadonlySet<HookOperation>
  private pending = 0

  constructor(options: HookOptions) {
    this.options = options
    this.operations = new Set(options.operations ?? DEFAULT_OPERATIONS)
  }

  publishes(operation: HookOperation | null): operation is HookOperation {
    return operation !== null && this.operations.has(operation)
  }

  /** Answers at once. `describe` is called at once as well; what it throws is told to `onError` alone. */
  publish(operation: HookOperation, describe: () => HookEvent): void {
    const { schema, broker } = this.options
    let type = `${schema}.?.${operation}`
    try {
      const { entity, payload, ...details } = describe()
      type = `${schema}.${entity}.${operation}`
      if (this.pending >= MOST_PENDING) throw tooMany()
      const json = plainJson(payload)
      this.pending += 1
      void this.send(() => broker.publishAsync(type, json, { ...details, whenFull: 'reject' }), type)
    } catch (error) {
      this.failed(error, type)
    }
  }

  private async send(publish: () => Promise<unknown>, type: string): Promise<void> {
    try {
      await publish()
    } catch (error) {
      this.failed(error, type)
    } finally {
      this.pending -= 1
    }
  }

  private failed(error: unknown, type: string): void {
    try {
      this.options.onError?.(error, type)
    } catch {
      // Whoever is told must not break the request either.
    }
  }
}

/** Of an id, what order is kept for; null where there is none. */
export function keyOf(entity: string, id: unknown): string | null {
  return typeof id === 'string' || typeof id === 'number' || typeof id === 'bigint' ? `${entity}:${id}` : null
}

function tooMany(): BingoError {
  return new BingoError('BINGO_HOOK_BUSY', `${MOST_PENDING} events of a hook are being published: one was dropped`, {
    hint: 'The store of the broker does not answer, or is too slow.',
    retryable: true,
  })
}
