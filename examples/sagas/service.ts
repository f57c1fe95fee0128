import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { barrier, sagaCommandOf } from '../../src/index.ts'
import type { SagaCommand } from '../../src/index.ts'

/** What the saga of rules.yaml sends. */
export interface Order {
  readonly order: string
  readonly item: string
  readonly amount: number
  readonly customer: string
  readonly total: number
  readonly payment: string
}

/** The service will never do this: it answers 409, and the saga compensates. */
export class Refusal extends Error {}

export interface Answer {
  readonly status: number
  readonly body: unknown
}

/** Does the work of one route in a transaction. `done`, for an undo: what the do returned. */
export type Work<Transaction> = (transaction: Transaction, order: Order, done: unknown) => Promise<unknown>

export interface ServiceParts<Transaction> {
  readonly name: string
  readonly transact: <T>(work: (transaction: Transaction) => Promise<T>) => Promise<T>
  /** By path. */
  readonly routes: { readonly [path: string]: Work<Transaction> }
  readonly close: () => Promise<unknown>
}

/** Lets a demonstration spoil what a service answers. 'hang up': the connection is cut, without an answer. */
export type Around = (command: SagaCommand, order: Order, next: () => Promise<Answer>) => Promise<Answer | 'hang up'>

/** A participant: an HTTP server whose every command goes through the barrier, in the transaction of its work. */
export class Service<Transaction> implements AsyncDisposable {
  readonly name: string
  around: Around = (_command, _order, next) => next()
  readonly #parts: ServiceParts<Transaction>
  readonly #server: Server

  private constructor(parts: ServiceParts<Transaction>) {
    this.name = parts.name
    this.#parts = parts
    this.#server = createServer((request, response) => {
      this.#take(request).then(
        (answer) => {
          if (answer === 'hang up') request.socket.destroy()
          else {
            response.writeHead(answer.status, { 'content-type': 'application/json' })
            response.end(JSON.stringify(answer.body ?? null))
          }
        },
        // BinGo retries.
        (error: Error) => response.writeHead(500).end(error.message),
      )
    })
  }

  /** Port 0: any that is free. */
  static async listen<Transaction>(parts: ServiceParts<Transaction>, port: number): Promise<Service<Transaction>> {
    const service = new Service(parts)
    await once(service.#server.listen(port, '127.0.0.1'), 'listening')
    return service
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
    await this.#parts.close()
  }

  async #take(request: IncomingMessage): Promise<Answer | 'hang up'> {
    const work = this.#parts.routes[request.url ?? '']
    if (work === undefined || request.method !== 'POST') return { status: 404, body: null }
    let text = ''
    for await (const chunk of request.setEncoding('utf8')) text += String(chunk)
    const order = JSON.parse(text) as Order
    return this.around(sagaCommandOf(request.headers), order, () => this.#pass(request, order, work))
  }

  async #pass({ headers }: IncomingMessage, order: Order, work: Work<Transaction>): Promise<Answer> {
    try {
      const { outcome, result } = await this.#parts.transact((transaction) =>
        barrier(transaction, headers, ({ done }) => work(transaction, order, done)),
      )
      return outcome === 'undone' ? { status: 409, body: 'it was undone before' } : { status: 200, body: result }
    } catch (error) {
      if (error instanceof Refusal) return { status: 409, body: error.message }
      throw error
    }
  }
}
