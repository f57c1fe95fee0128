import type { Content } from '../../model/event/bytes/content.ts'

/** What the adapter keeps of a compiled Redis action. */
export interface RedisActionOptions {
  readonly command: string
  /** DEL and UNLINK: the payload is the key or the keys, and neighbours merge into one command. */
  readonly removes: boolean
  /** The effect of an event happens once, however often it is sent. */
  readonly exactlyOnce: boolean
}

/** Everything but DEL and UNLINK: the arguments after the command's name, and the key for coalescing. */
export interface CommandPayload {
  readonly address: string
  readonly args: readonly Content[]
  /** Set where an UPDATE of the primary key makes the previous key obsolete: DEL instead of the action's command. */
  readonly remove?: boolean
  /** Fields to HDEL after the HSET: they are NULL now. `args` may be the key alone then. */
  readonly omitted?: readonly string[]
}

/** DEL and UNLINK: a key, or several. */
export type RemovePayload = string | readonly string[]

export interface RedisTargetOptions {
  readonly url: string
  readonly maxConnectionAgeMs: number
}
