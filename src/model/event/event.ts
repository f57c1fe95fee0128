import type { Value } from './row.ts'
import type { ValueKind } from '../table/table.ts'

/** One field of a shape, as filters and templates see it. */
export interface Field {
  readonly name: string
  readonly kind: ValueKind
  readonly nullable: boolean
}

/**
 * What the events of one type look like. One object stands for one shape: whatever is compiled for it is cached on its
 * identity, so a source hands out the same object as long as nothing changed.
 */
export interface Shape {
  /** `shop.users` for rows. */
  readonly type: string
  /** `open`: any field may come. */
  readonly fields: readonly Field[] | 'open'
  /** Names of the fields that identify what the event is about; empty where nothing does. */
  readonly key: readonly string[]
}

/** Something that happened. A row change is one (change.ts). */
export interface Event {
  /** Stable over replays: the idempotency key of every target. */
  readonly id: string
  /** Dotted, `schema.entity.operation`: `shop.users.update`. */
  readonly type: string
  /** What order is kept for; null = the event has no order among others. */
  readonly key: string | null
  /** The key that the same thing had before, where the event changed it. */
  readonly previousKey?: string | undefined
  /** When it happened, milliseconds since 1970. */
  readonly at: number
  readonly shape: Shape
  /** The value at a path (`new.status`, `key.id`); undefined where there is none. */
  field(path: string): Value
}
