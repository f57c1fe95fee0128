import { DeadlineError } from '../../model/with-deadline.ts'
import { Threads } from '../threads/threads.ts'
import { readTls } from '../tls-files.ts'
import { Connections } from './connections.ts'
import { exchange } from './exchange.ts'
import type { Answer, ExchangeRequest } from './exchange.ts'
import type { WebhookTargetOptions } from './options.ts'

/** Bytes that are read of what a receiver says to a message that it does not take. */
const MOST_SAID = 2_049

/** Requests and their answers, wherever the connections are. */
export interface Exchanges {
  /**
   * As `exchange`: rejects with DeadlineError, with the reason of `signal`, or with what the connection says. `bodyBytes`:
   * bytes that are wanted of the body of a 2xx.
   */
  exchange(request: ExchangeRequest, timeoutMs: number, signal: AbortSignal, bodyBytes: number): Promise<Answer>
  close(): Promise<void>
}

export function openExchanges(options: WebhookTargetOptions): Exchanges {
  return options.threads === 0 ? new OwnExchanges(options) : new ThreadExchanges(options)
}

/** Over connections of this thread. */
export class OwnExchanges implements Exchanges {
  readonly #connections: Connections

  constructor(options: WebhookTargetOptions) {
    this.#connections = new Connections(options)
  }

  async exchange(request: ExchangeRequest, timeoutMs: number, signal: AbortSignal, bodyBytes: number): Promise<Answer> {
    const { dispatcher } = this.#connections
    try {
      const wanted = (status: number): number => (status < 300 ? bodyBytes : MOST_SAID)
      return await exchange(dispatcher, request, timeoutMs, signal, wanted)
    } catch (error) {
      if (error instanceof DeadlineError && request.origin.startsWith('https:')) this.#connections.renew(dispatcher)
      throw error
    }
  }

  async close(): Promise<void> {
    await this.#connections.close()
  }
}

/** A request as it goes to a thread; bytes of a body go beside it. */
export interface ThreadRequest extends Omit<ExchangeRequest, 'body'> {
  /** Null: the body goes as bytes; or there is none. */
  readonly text: string | null
  readonly bodyless: boolean
  readonly timeoutMs: number
  readonly bodyBytes: number
}

/** Over connections of other threads. */
class ThreadExchanges implements Exchanges {
  readonly #threads: Threads

  constructor(options: WebhookTargetOptions) {
    // What cannot be read is refused where the target is opened, as without threads.
    readTls(options.tls)
    this.#threads = new Threads('webhook', options)
  }

  async exchange(request: ExchangeRequest, timeoutMs: number, signal: AbortSignal, bodyBytes: number): Promise<Answer> {
    const { body, ...head } = request
    const text = typeof body === 'string' ? body : null
    const sent: ThreadRequest = { ...head, text, bodyless: body === null, timeoutMs, bodyBytes }
    try {
      const answer = (await this.#threads.call(sent, text === null ? (body as Buffer) : null, signal)) as Answer
      return { ...answer, body: Buffer.from(answer.body) }
    } catch (error) {
      throw error instanceof DeadlineError ? new DeadlineError(timeoutMs) : error
    }
  }

  close(): Promise<void> {
    return this.#threads.close()
  }
}
