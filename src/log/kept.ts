import { withDeadline } from '../model/with-deadline.ts'
import { logClosed } from './errors.ts'

export interface KeptOptions<T> {
  /** Of the log, for errors. */
  readonly description: string
  readonly open: () => Promise<T>
  readonly close: (opened: T) => Promise<void>
  /** Of one piece of work, with opening before it. */
  readonly timeoutMs: number
  /** False: the other side has closed it. */
  readonly isOpen?: (opened: T) => boolean
  /** True: the error says nothing against what was opened. */
  readonly survives?: (error: unknown) => boolean
}

interface Handle<T> {
  readonly opened: Promise<T>
  value: T | undefined
  /** Told what went wrong, when it is not to be used any more. One promise for all would keep what each has waited for. */
  readonly users: Set<(why: unknown) => void>
  closing: Promise<void> | null
}

const CLOSE_TIMEOUT_MS = 2_000

/**
 * Connections that are used by many at once, until work with them fails: then they are closed, whoever uses them is told,
 * and others are opened for the next piece of work. What hangs, be it opening, work or closing, holds nobody up for longer
 * than the deadlines.
 */
export class Kept<T> {
  readonly #options: KeptOptions<T>
  #handle: Handle<T> | null = null
  #closed = false

  constructor(options: KeptOptions<T>) {
    this.#options = options
  }

  /** Rejects with what `open` or `work` reject with, with DeadlineError, and with `logClosed` once it is closed. */
  async use<R>(work: (opened: T) => Promise<R>): Promise<R> {
    const { description, timeoutMs, survives } = this.#options
    if (this.#closed) throw logClosed(description)
    const handle = this.#current()
    const working = handle.opened.then((opened) => {
      // Whoever wanted it has been told that it failed, and may have done it again since.
      if (handle.closing !== null) throw new Error('opened too late')
      return work(opened)
    })
    const { promise: gone, reject } = Promise.withResolvers<never>()
    handle.users.add(reject)
    try {
      return await withDeadline(Promise.race([working, gone]), timeoutMs)
    } catch (error) {
      if (handle.value !== undefined && survives?.(error) === true) throw error
      // Behind it nothing is under way any more: what is done again cannot be overtaken by the first attempt.
      await this.#discard(handle, error)
      if (this.#closed) throw logClosed(description)
      throw error
    } finally {
      handle.users.delete(reject)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    if (this.#handle !== null) await this.#discard(this.#handle, logClosed(this.#options.description))
  }

  #current(): Handle<T> {
    const { open, isOpen } = this.#options
    const known = this.#handle
    if (known !== null) {
      if (known.value === undefined || isOpen?.(known.value) !== false) return known
      void this.#discard(known, new Error('the connection was closed'))
    }
    const handle: Handle<T> = { opened: open(), value: undefined, users: new Set(), closing: null }
    handle.opened.then(
      (opened) => (handle.value = opened),
      () => undefined,
    )
    this.#handle = handle
    return handle
  }

  #discard(handle: Handle<T>, why: unknown): Promise<void> {
    if (this.#handle === handle) this.#handle = null
    for (const tell of handle.users) tell(why)
    handle.closing ??= withDeadline(handle.opened.then(this.#options.close), CLOSE_TIMEOUT_MS).catch(() => undefined)
    return handle.closing
  }
}
