import { AsyncLocalStorage } from 'node:async_hooks'
import { createHash } from 'node:crypto'
import type { EventToPublish } from '../events/to-publish.ts'
import { exactJson } from '../model/json/strict-json.ts'
import type { BrokerEvent } from './contract.ts'

/** What a handler works on: the event, and what it has published so far. */
interface Handling {
  readonly event: BrokerEvent
  readonly hops: number
  readonly subscription: string
  readonly published: Map<string, number>
}

/** Knows inside of which handler something is called, so that what it publishes says what it was caused by. */
export class HandlerScope {
  private readonly storage = new AsyncLocalStorage<Handling>()

  run<T>(event: BrokerEvent, subscription: string, handle: () => T): T {
    const { hops } = event as BrokerEvent & { readonly hops: number }
    return this.storage.run({ event, hops: Number(hops), subscription, published: new Map() }, handle)
  }

  get isInside(): boolean {
    return this.storage.getStore() !== undefined
  }

  /** How many events lie before one that is published here. */
  get hops(): number {
    const handling = this.storage.getStore()
    return handling === undefined ? 0 : handling.hops + 1
  }

  /**
   * An event with what it has from the one that is being handled. The same event that the same handler publishes in a further
   * attempt has the same id: it is stored once.
   */
  caused(event: EventToPublish): EventToPublish {
    const handling = this.storage.getStore()
    if (handling === undefined) return event
    const { id, correlationId, userId, sessionId, accountId, traceparent, isTest } = handling.event
    // What is undefined was not said.
    const said = Object.entries(event).filter(([, value]) => value !== undefined)
    return {
      userId,
      sessionId,
      accountId,
      traceparent,
      isTest,
      ...(Object.fromEntries(said) as unknown as EventToPublish),
      correlationId: event.correlationId ?? correlationId ?? id,
      causationId: event.causationId ?? id,
      id: event.id ?? idOf(event, handling),
    }
  }
}

/** Undefined: it is given an id of its own; what cannot be written down is refused later. */
function idOf(
  { type, key, payload }: EventToPublish,
  { event, subscription, published }: Handling,
): string | undefined {
  let content: string
  try {
    content = exactJson([event.id, subscription, type, key ?? null, payload ?? null])
  } catch {
    return undefined
  }
  const times = (published.get(content) ?? 0) + 1
  published.set(content, times)
  return createHash('sha256').update(`${times}:${content}`).digest('hex').slice(0, 32)
}
