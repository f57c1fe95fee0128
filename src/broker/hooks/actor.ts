import { AsyncLocalStorage } from 'node:async_hooks'

/** On whose behalf something is done. */
export interface Actor {
  readonly userId?: string | null | undefined
  readonly sessionId?: string | null | undefined
  readonly accountId?: string | null | undefined
}

/** The context of a call, not a state: each asynchronous call has its own. */
const actors = new AsyncLocalStorage<() => Actor>()

/**
 * Calls `fn`; hooks of databases that are called inside of it publish with this user and session. The Express and Fastify hooks do
 * so for their requests. A function is asked when an event is published: whoever authenticates may come later.
 */
export function runAs<T>(actor: Actor | (() => Actor), fn: () => T): T {
  return actors.run(typeof actor === 'function' ? actor : () => actor, fn)
}

export function currentActor(): Actor {
  return actors.getStore()?.() ?? {}
}
