import { BingoError } from '../../../model/errors.ts'
import { printAddress, type HostPort, type SourceAddress } from '../source-address.ts'
import { isGap } from '../failure-policy.ts'
import { classifyError } from './login/source-error.ts'

/** What one server said when it was asked. */
interface Failure {
  readonly address: SourceAddress
  readonly error: BingoError
}

/**
 * Finds, among the servers of `source.hosts`, one that can go on from our position. The one read last comes first, so
 * that a hiccup moves nothing; then the others as written.
 */
export class ServerSearch {
  readonly #addresses: readonly SourceAddress[]
  /** Servers whose stream was refused for good, while others may still do. */
  readonly #givenUp = new Map<SourceAddress, BingoError>()
  #current: SourceAddress

  constructor(address: SourceAddress, hosts: readonly HostPort[]) {
    this.#addresses =
      hosts.length === 0
        ? [address]
        : hosts.map(({ host, port }) => ({ ...address, host, port, socketPath: undefined }))
    this.#current = this.#addresses[0]!
  }

  /** Where we are reading, or did last. */
  get current(): SourceAddress {
    return this.#current
  }

  /**
   * What the first server answers that `examine` accepts. Rejects with the error of the one server there is, or with
   * NoServerFound.
   */
  async find<T>(examine: (address: SourceAddress) => Promise<T>, signal: AbortSignal): Promise<T> {
    const failures: Failure[] = []
    for (const address of [this.#current, ...this.#addresses.filter((each) => each !== this.#current)]) {
      signal.throwIfAborted()
      const error = this.#givenUp.get(address)
      if (error !== undefined) {
        failures.push({ address, error })
        continue
      }
      try {
        const found = await examine(address)
        this.#current = address
        return found
      } catch (cause) {
        failures.push({ address, error: classifyError(cause, address) })
      }
    }
    // They are asked again in the next round: a lagging replica catches up.
    this.#givenUp.clear()
    throw failures.length === 1 ? failures[0]!.error : new NoServerFound(failures)
  }

  /** The current server will not send what we need: true where others are left to be asked. */
  giveUp(error: BingoError): boolean {
    if (this.#addresses.length === 1 || error instanceof NoServerFound) return false
    if (!/^BINGO_(SOURCE|CHECKPOINT|PREFLIGHT)_/.test(error.code) || error.code === 'BINGO_SOURCE_DUPLICATE_ID')
      return false
    this.#givenUp.set(this.#current, error)
    return true
  }

  /** The position moved: what was refused before concerned another one. */
  progressed(): void {
    this.#givenUp.clear()
  }
}

/** None of several servers can be read from our position; retryable while one of them may only be away. */
export class NoServerFound extends BingoError {
  /** Changes are missing on a server that did answer; null where none said so. */
  readonly gap: BingoError | null

  constructor(failures: readonly Failure[]) {
    const errors = failures.map(({ error }) => error)
    const gap = errors.find(isGap) ?? null
    const decisive = errors.find(({ retryable }) => retryable) ?? gap ?? errors[0]!
    const lines = failures.map(({ address, error }) => `  ${printAddress(address)}: ${error.code}: ${error.message}`)
    super(decisive.code, `No server of source.hosts can resume the current position:\n${lines.join('\n')}`, {
      hint: decisive.hint,
      retryable: decisive.retryable,
      cause: decisive,
    })
    this.gap = gap
  }
}
