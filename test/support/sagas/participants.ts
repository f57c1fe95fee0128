import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** What a service has stored of one step of one saga. */
export interface Entry {
  done: boolean
  undone: boolean
  /** `webhook-id` of each op: the same whenever it came. */
  readonly ids: Map<string, Set<string>>
  calls: number
}

/** What a service does with a call: `answer` takes effect and answers; `drop` takes effect and cuts the line. */
export type Behaviour = 'answer' | 'refuse' | 'unavailable' | 'drop'

export interface ParticipantsOptions {
  /** Asked for each call. */
  readonly behave: (step: string, op: string, saga: string) => Behaviour
  /** It took effect for the first time. Returned promises are not waited for. */
  readonly done?: (step: string, saga: string) => void
}

/**
 * The services of sagas in one HTTP server, by `/STEP/do` and `/STEP/undo`, with tables of their own and the barrier: a
 * repeated command does nothing, a do after its undo neither, and an undo without a do is only remembered.
 */
export class Participants implements AsyncDisposable {
  readonly entries = new Map<string, Entry>()
  readonly port: number
  options: ParticipantsOptions
  private readonly server: ReturnType<typeof createServer>

  private constructor(server: ReturnType<typeof createServer>, options: ParticipantsOptions) {
    this.server = server
    this.options = options
    this.port = (server.address() as AddressInfo).port
  }

  static async start(options: ParticipantsOptions): Promise<Participants> {
    const server = createServer({ keepAlive: true })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const participants = new Participants(server, options)
    server.on('request', (request, response) => void participants.serve(request, response))
    return participants
  }

  url(step: string, op: 'do' | 'undo'): string {
    return `http://127.0.0.1:${this.port}/${step}/${op}`
  }

  entry(saga: string, step: string): Entry | undefined {
    return this.entries.get(`${saga} ${step}`)
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for await (const _ of request);
    const header = (name: string): string => String(request.headers[name] ?? '')
    const [saga, step, op] = [header('bingo-saga'), header('bingo-step'), header('bingo-op')]
    if (saga === '' || request.url !== `/${step}/${op}`) {
      response.writeHead(500).end()
      return
    }
    const behaviour = this.options.behave(step, op, saga)
    if (behaviour === 'unavailable') {
      response.writeHead(503).end()
      return
    }
    const name = `${saga} ${step}`
    let entry = this.entries.get(name)
    if (entry === undefined) this.entries.set(name, (entry = { done: false, undone: false, ids: new Map(), calls: 0 }))
    entry.calls += 1
    entry.ids.set(op, (entry.ids.get(op) ?? new Set()).add(header('webhook-id')))
    if (behaviour === 'refuse' && !entry.done) {
      response.writeHead(422, { 'content-type': 'application/json' }).end('{"error":"no"}')
      return
    }
    if (this.take(entry, op)) this.options.done?.(step, saga)
    if (behaviour === 'drop') {
      request.socket.destroy()
      return
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ step, saga }))
  }

  private take(entry: Entry, op: string): boolean {
    if (op === 'undo') {
      entry.undone = true
      return false
    }
    if (entry.done || entry.undone) return false
    entry.done = true
    return true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.close()
    this.server.closeAllConnections()
    await delay(0)
  }
}
