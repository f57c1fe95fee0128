import type { RedisClient } from '../../../clients/redis/redis.ts'
import type { Log } from '../../../model/rule/action.ts'
import type { StreamCommands } from './commands.ts'
import { takeFinished, type StreamLease } from './stream-lease.ts'

export interface AcknowledgementsDeps {
  readonly commands: StreamCommands
  readonly client: () => RedisClient
  readonly log: Log
}

const AT_ONCE = 500

/** Entries that are finished and not acknowledged yet: what fails goes with the next, and never under a lease that is lost. */
export class Acknowledgements {
  readonly #deps: AcknowledgementsDeps
  readonly #owed = new Map<StreamLease, string[]>()
  #sending: Promise<void> = Promise.resolve()

  constructor(deps: AcknowledgementsDeps) {
    this.#deps = deps
  }

  /** Tries all that is owed. False: not all of it could be acknowledged. */
  async sendOwed(): Promise<boolean> {
    await this.#sendNext()
    return this.#owed.size === 0
  }

  add(finished: ReadonlyMap<StreamLease, string>): void {
    for (const [lease, place] of finished) {
      const ids = takeFinished(lease, place)
      this.#owed.set(lease, [...(this.#owed.get(lease) ?? []), ...ids])
    }
    void this.#sendNext()
  }

  #sendNext(): Promise<void> {
    this.#sending = this.#sending.then(() => this.#send())
    return this.#sending
  }

  async #send(): Promise<void> {
    const { commands, client, log } = this.#deps
    for (const [lease, ids] of this.#owed) {
      this.#owed.delete(lease)
      if (lease.lost) continue
      try {
        for (let i = 0; i < ids.length; i += AT_ONCE) {
          await commands.acknowledge(client(), lease.part, ids.slice(i, i + AT_ONCE))
        }
      } catch (error) {
        this.#owed.set(lease, [...ids, ...(this.#owed.get(lease) ?? [])])
        const fields = { stream: lease.part, err: (error as Error).message }
        log.info(fields, 'acknowledging entries failed; they go with the next')
        return
      }
    }
  }
}
