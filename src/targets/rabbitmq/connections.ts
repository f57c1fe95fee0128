import { withDeadline } from '../../model/with-deadline.ts'
import { ConnectionAge } from '../plan/connection-age.ts'
import { BrokerConnection } from './connection.ts'
import type { RabbitmqTargetOptions } from './options.ts'

const CLOSE_TIMEOUT_MS = 1_000

/** The connection of a target, opened when it is needed and shared by the sends in flight. */
export class Connections {
  readonly #options: RabbitmqTargetOptions
  readonly #age: ConnectionAge
  #current: BrokerConnection | null = null
  #opening: { readonly promise: Promise<BrokerConnection>; readonly abort: AbortController } | null = null

  constructor(options: RabbitmqTargetOptions) {
    this.#options = options
    this.#age = new ConnectionAge(options.maxConnectionAgeMs)
  }

  async connected(): Promise<BrokerConnection> {
    if (this.#current?.usable === true) return this.#current
    if (this.#opening === null) {
      const abort = new AbortController()
      this.#age.begin()
      this.#opening = { promise: BrokerConnection.open(this.#options, abort.signal), abort }
    }
    const opening = this.#opening
    try {
      return (this.#current = await opening.promise)
    } finally {
      if (this.#opening === opening) this.#opening = null
    }
  }

  /** When nobody waits for it any longer; who needs a connection then makes an attempt of its own. */
  abandonOpening(): void {
    this.#opening?.abort.abort()
    this.#opening = null
  }

  /** Another one is opened by the next send where this one is too old. */
  async renewIfOld(): Promise<void> {
    if (this.#age.isOver) await this.leave()
  }

  /** In good order, if the broker lets us, and as soon as no send uses it. */
  async leave(): Promise<void> {
    const connection = this.#current
    this.#current = null
    await connection?.whenUnused(async () => {
      await withDeadline(connection.close(), CLOSE_TIMEOUT_MS).catch(() => undefined)
      connection.destroy()
    })
  }
}
